"""Names of scans in the output of `onfh predict`: pseudonyms, or on request the patients' ids or the files' names.

The key from pseudonyms to scans and the secret of keyed hashes lie in ``OUT/private``. They are written once there is
something that they explain: a run whose scans all fail leaves no trace of them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from dataset_conversion.cohort.pseudonyms import ScanKeyRow, read_key, scan_pseudonyms
from dataset_conversion.cohort.scan_input import ScanInput
from dataset_conversion.cohort.scan_name import is_pseudonym, pseudonym_of
from onfh_nnunet.core.content_hash import content_sha256
from onfh_nnunet.core.csv_rows import rows_text
from onfh_nnunet.core.errors import OnfhError, WorkspaceError
from onfh_nnunet.core.hip import Hip, Side
from onfh_nnunet.core.private_folder import keyed, read_secret, write_private, write_secret
from onfh_nnunet.workflows.scan_inputs import name_of, names_of_files


class ScanNames:
    """The names of a run's scans.

    Args:
        out: OUT.
        sources: The scans.
        keep_ids: Whether they keep the names of these.

    Attributes:
        scans: Each scan by its name, in their order.
        pseudonymous: Whether the names are pseudonyms.

    Raises:
        CohortError: A scan is given twice, or two would get one name.
        ReadError: The key of an earlier run is damaged.
        WorkspaceError: The key is that of a workspace; or OUT holds results under names of the other kind.
    """

    def __init__(self, out: Path, sources: Sequence[ScanInput], *, keep_ids: bool) -> None:
        self.pseudonymous = not keep_ids
        self._out, self._key_csv, self._secret_file = out, key_csv(out), out / "private" / "secret"
        self._secret = read_secret(self._secret_file)
        self._contents: dict[Path, str] = {}
        self._explained: frozenset[str] = frozenset()
        self._rows: dict[str, ScanKeyRow] = {}
        self._saved = False
        if keep_ids:
            self.scans = names_of_files(sources)
            return
        known = read_key(self._key_csv, ScanKeyRow)
        self._explained = frozenset(row.patient for row in known)
        rows = scan_pseudonyms(sources, known, self._content_or_none)
        self.scans = {row.patient: _sided(row, source) for row, source in zip(rows, sources, strict=True)}
        self._rows = {row.patient: row for row in (*known, *rows)}

    def hips(self, name: str) -> list[Hip]:
        """The hips that a scan may show, the right one first; of one of a pair it is its own."""
        return (pseudonym_of(name) if self.pseudonymous else name_of(name, self.scans.get(name))).hips

    def hip(self, name: str, side: Side) -> Hip:
        """A hip that was read in a scan."""
        return next(hip for hip in self.hips(name) if hip.side is side)

    def said_of(self, name: str) -> str:
        """The name of the scan in tables: its path, or its pseudonym."""
        return name if self.pseudonymous else str(self.scans[name].path)

    def series(self, name: str) -> str:
        """Which series of the scan tables name: none where pseudonyms hide it, for its text may name somebody."""
        return "" if self.pseudonymous else self.scans[name].series or ""

    def content(self, source: Path) -> str:
        """A hash of the scan's content.

        Raises:
            ReadError: It cannot be read.
        """
        if source not in self._contents:
            self._contents[source] = content_sha256(source)
        return self._contents[source]

    def keyed(self, text: str) -> str:
        """A keyed hash with the secret of this output folder."""
        return keyed(self._secret, text)

    def require_explain(self, present: Collection[str]) -> None:
        """Refuse to add to results whose scans the key does not explain.

        Args:
            present: The names of the scans whose results lie in OUT.

        Raises:
            WorkspaceError: They go by names of the other kind, or their key is lost.
        """
        if not self.pseudonymous:
            if self._key_csv.is_file():
                problem = "holds results under pseudonyms, and `keep_ids` asks for names of files"
                raise WorkspaceError(self._out, problem, "Leave out `keep_ids`, or give another `out`")
            return
        for name in sorted(set(present) - self._explained):
            if is_pseudonym(name):
                problem = f"does not say which scan {name} is, and {self._out} holds results of it"
                raise WorkspaceError(self._key_csv, problem, "Put the key of these results back, or give another `out`")
            problem = f"holds results under names of files, such as {name}, and pseudonyms are the default"
            raise WorkspaceError(self._out, problem, "Add `keep_ids`, or give another `out`")

    def save_once(self) -> None:
        """Save the key unless this run has done so."""
        if not self._saved:
            self.save()

    def save(self) -> None:
        """Write secret and key into OUT/private if they changed.

        Raises:
            WorkspaceError: They cannot be written.
        """
        write_secret(self._secret_file, self._secret)
        if self.pseudonymous:
            text = rows_text(ScanKeyRow, map(self._with_content, self._rows.values())).encode()
            if not self._key_csv.is_file() or self._key_csv.read_bytes() != text:
                write_private(self._key_csv, text)
        self._saved = True

    def _with_content(self, row: ScanKeyRow) -> ScanKeyRow:
        content = self._contents.get(self.scans[row.patient].path) if row.patient in self.scans else None
        return replace(row, content_sha256=content) if content else row

    def _content_or_none(self, source: Path) -> str:
        try:
            return self.content(source)
        except OnfhError:
            return ""


def _sided(row: ScanKeyRow, source: ScanInput) -> ScanInput:
    """The scan; as one of a pair with its side also where it is given alone."""
    side = pseudonym_of(row.patient).side
    return replace(source, side=side) if side else source


def key_csv(out: Path) -> Path:
    """The path of the key of OUT."""
    return out / "private" / "key.csv"
