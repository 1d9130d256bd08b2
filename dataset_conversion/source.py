"""Whether a cohort is still the one that a dataset was made from, told without reading an image."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from dataset_conversion.cases import LabelValues
from dataset_conversion.cohort import SourceScan
from onfh_nnunet.cut import HIP_BOX_MM

SOURCE_KEY = "onfh_source_sha256"
"""Key in dataset.json of the hash that recognises an unchanged source."""

FORMAT = 1
"""Raised when the same source would give another dataset."""


def source_hash(cohort: Path, scans: Sequence[SourceScan], names: dict[str, str], values: LabelValues) -> str:
    """A hash of the table, the options, the patients' names, and each source file's path, size and time."""
    digest = hashlib.sha256(cohort.read_bytes())
    digest.update(repr((FORMAT, HIP_BOX_MM, values, sorted(names.items()))).encode())
    for path in (path for scan in scans for path in (scan.image, scan.label) if path is not None):
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            stat = file.stat()
            digest.update(repr((str(file), stat.st_size, stat.st_mtime_ns)).encode())
    return digest.hexdigest()
