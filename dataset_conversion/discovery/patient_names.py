"""Patient names derived from the folders and files of scans."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from dataset_conversion.discovery.candidates import ScanCandidate
from onfh_nnunet.core.file_names import stem
from onfh_nnunet.core.printable import plural

_SIDE_OR_CHANNEL = re.compile(r"([ _.-](l|r|b|left|right|both|0000))+$", re.IGNORECASE)


def names_by_place(scans: Sequence[ScanCandidate], folder: Path) -> tuple[list[str], list[str]]:
    """A name for the patient of each scan, and a note where file names had to serve as patient_id.

    It is the first folder in which the scans' paths differ (``P1`` of ``P1/mr/scan.nii.gz`` beside
    ``P2/mr/scan.nii.gz``). Where they lie in one folder it is the file's name without its side.

    Args:
        scans: All that were found.
        folder: That was searched.
    """
    parents = [scan.path.relative_to(folder).parent.parts for scan in scans]
    depth = _n_common(parents)
    n_files = sum(len(parts) <= depth for parts, scan in zip(parents, scans, strict=True) if not scan.patient_id)
    note = f"{plural(n_files, 'scan')} took patient_id from a file's name; give all scans of one patient the same"
    names = [
        parts[depth] if len(parts) > depth else _of_file(one.path) for parts, one in zip(parents, scans, strict=True)
    ]
    return names, [note] if n_files > 1 else []


def _n_common(paths: Sequence[tuple[str, ...]]) -> int:
    """The number of leading folders that all paths share."""
    differ = (level for level, names in enumerate(zip(*paths, strict=False)) if len(set(names)) > 1)
    return next(differ, min(map(len, paths), default=0))


def _of_file(path: Path) -> str:
    name = stem(path.resolve() if not path.name else path)
    return _SIDE_OR_CHANNEL.sub("", name) or name
