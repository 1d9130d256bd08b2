"""Encrypted connections: certificates are always checked, against the system's authorities or those of a file."""

from __future__ import annotations

import ssl
from pathlib import Path

from onfh_nnunet.core.errors import PacsSettingsError


def tls_context(ca_file: Path | None, cert_file: Path | None, *, listens: bool = False) -> ssl.SSLContext:
    """How a connection is encrypted.

    Args:
        ca_file: Certificates that the other one's must follow from; None takes the system's.
        cert_file: Certificate and private key of this program.
        listens: Whether the other one connects; it must then show a certificate.

    Raises:
        PacsSettingsError: A file holds no certificate.
    """
    purpose = ssl.Purpose.CLIENT_AUTH if listens else ssl.Purpose.SERVER_AUTH
    try:
        context = ssl.create_default_context(purpose, cafile=ca_file)
        if cert_file:
            context.load_cert_chain(cert_file)
    except (ssl.SSLError, OSError) as error:
        problem = f"is no certificate that can be used ({error.strerror or error})"
        raise PacsSettingsError(cert_file or ca_file, problem, "Give PEM files") from error
    if listens:
        context.verify_mode = ssl.CERT_REQUIRED
    return context
