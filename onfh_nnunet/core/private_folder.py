"""The folder ``private`` of a workspace or an output: readable by its owner only, and not to be shared.

It holds the key from pseudonyms to identities, and a secret. Hashes that lie outside it are keyed with the secret: a
plain hash of a UID or of a file could be compared with those of a whole archive.
"""

from __future__ import annotations

import errno
import hmac
import os
import secrets
from pathlib import Path

from onfh_nnunet.core.atomic_files import atomic_write
from onfh_nnunet.core.errors import WorkspaceError

_SECRET_BYTES = 32


def write_private(file: Path, content: bytes) -> None:
    """Write a file atomically with mode 0600 in a folder of mode 0700; it is never readable by others.

    Raises:
        WorkspaceError: It cannot be written.
    """
    if file.parent.is_symlink():
        raise WorkspaceError(
            file.parent, "is a link, and onfh would make its target private", "Put a folder in its place"
        )
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.parent.chmod(0o700)
    except OSError as error:
        problem = f"cannot be created ({error.strerror})"
        raise WorkspaceError(file.parent, problem, "Check that you may write to the folder") from error
    with atomic_write(file) as part, open(part, "xb", opener=_for_the_owner) as opened:
        opened.write(content)


def append_private(file: Path, text: str) -> None:
    """Append lines to a log of mode 0600 in a folder of mode 0700, in one go: other processes may append, too.

    Raises:
        OSError: It cannot be written, or a link lies in its place.
    """
    if file.parent.is_symlink() or file.is_symlink():
        raise OSError(errno.ELOOP, "is a link, and would be written elsewhere", str(file))
    file.parent.mkdir(mode=0o700, exist_ok=True)
    with open(file, "a", encoding="utf-8", errors="backslashreplace", opener=_for_the_owner) as log:
        log.write(text)


def new_secret() -> bytes:
    """A new random secret."""
    return secrets.token_bytes(_SECRET_BYTES)


def read_secret(file: Path) -> bytes:
    """Read the secret of a file; a new secret where it is missing or damaged, which makes earlier keyed hashes differ.

    Raises:
        WorkspaceError: It is there and cannot be read.
    """
    try:
        secret = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return new_secret()
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
        raise WorkspaceError(file, problem, "Run as its owner, or use another folder") from error
    return secret if len(secret) == _SECRET_BYTES else new_secret()


def write_secret(file: Path, secret: bytes) -> None:
    """Write the secret if the file does not exist.

    Raises:
        WorkspaceError: It cannot be written.
    """
    if not file.is_file() or file.read_bytes() != secret:
        write_private(file, secret)


def keyed(secret: bytes, text: str) -> str:
    """A keyed hash of a text: HMAC with SHA-256, in hexadecimal."""
    return hmac.new(secret, text.encode(), "sha256").hexdigest()


def _for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
