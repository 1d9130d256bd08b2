"""Memory limit: the size of scans that a process can handle.

Program and networks take the same for every scan; their part is measured when they are loaded. What grows is
estimated from the voxels that a scan's header states, before any of them is read.
"""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.free_memory import free_bytes
from onfh_nnunet.core.image_files import read_header
from onfh_nnunet.core.user_files import refused_whole

READ_BYTES, PREDICT_BYTES = 28, 16
"""For each voxel of the scan that is read ahead (rescaled DICOM; others take 5 to 17) and of the one predicted."""

MARGIN_BYTES = 200_000_000
"""What the first scan adds beside its voxels: the locator's network and libraries that load late."""

PROGRAM_BYTES = 1_300_000_000
"""What program and four networks take; see docs/benchmarks.md."""

USUAL_VOXELS = 10_000_000
"""A scan of both hips has half as many; without `max_memory` it is tried, however little memory is free."""

ON_DISK_BYTES = 220
"""What a byte of a scan's files takes in memory, if ten voxels of 16 bits are compressed to the size of one."""

STATUS = Path("/proc/self/status")
"""Where Linux says how much memory the process had at most."""


@dataclass(frozen=True)
class MemoryLimit:
    """The memory that each scan may use.

    Args:
        limit_gb: Of the whole process, in 10^9 bytes; None is the memory that the machine has free.
        voxels: The most that a scan may have.
    """

    limit_gb: float | None
    voxels: float

    @classmethod
    def under(cls, limit_gb: float) -> MemoryLimit:
        """The rest of a limit after the networks are loaded and have run once.

        Raises:
            OnfhError: Nothing is left.
        """
        taken = _most_bytes() + MARGIN_BYTES
        voxels = (limit_gb * 1e9 - taken) / (READ_BYTES + PREDICT_BYTES)
        if not voxels >= 1:
            problem = f"is too little: program and networks take {taken / 1e9:.2f} GB"
            raise OnfhError(f"`max_memory` {limit_gb:g}", problem, "Allow more, or average fewer folds with `folds`")
        return cls(limit_gb, voxels)

    @classmethod
    def of_machine(cls) -> MemoryLimit:
        """What is free now, without what program and networks will still take."""
        import psutil

        program = max(0, PROGRAM_BYTES - int(psutil.Process().memory_info().rss))
        return cls(None, max(USUAL_VOXELS, (free_bytes() - program - MARGIN_BYTES) / (READ_BYTES + PREDICT_BYTES)))

    def require(self, scan: Path, series: str | None) -> None:
        """Refuse a scan that is too large.

        Args:
            scan: Its file or folder.
            series: The DICOM series that is meant.

        Raises:
            OnfhError: It has more voxels.
            ReadError: Its DICOM headers cannot be read.
        """
        if self.limit_gb is None and _is_surely_small(scan, self.voxels):
            return  # its headers need not be read twice
        with refused_whole(scan):
            voxels = _stated_voxels(scan, series)
        if voxels > self.voxels:
            allowed = "the free memory" if self.limit_gb is None else f"`max_memory` {self.limit_gb:g}"
            problem = f"has {voxels / 1e6:.1f} million voxels, and {allowed} is enough for {self.voxels / 1e6:.1f}"
            remedy = "Free memory, or crop the scan; `max_memory` says that it may take more"
            raise OnfhError(scan, problem, "Allow more, or crop the scan" if self.limit_gb else remedy)


def _most_bytes() -> int:
    """The peak memory of the process: a network that has run once frees its working memory.

    Where neither Linux nor Windows says it, it is the memory of now.
    """
    if STATUS.is_file():
        lines = STATUS.read_text(encoding="ascii", errors="replace").splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    import psutil

    now = psutil.Process().memory_info()
    return int(getattr(now, "peak_wset", now.rss))


def _is_surely_small(scan: Path, voxels: float) -> bool:
    """Whether a folder or an archive is so small that it has no more voxels, as far as scans are compressed."""
    with refused_whole(scan):
        files = [scan] if scan.is_file() else [path for path in scan.rglob("*") if path.is_file()]
        if len(files) == 1 and not zipfile.is_zipfile(files[0]):
            return False  # one header says it
        size = sum(path.stat().st_size for path in files)
    return size * ON_DISK_BYTES <= voxels * (READ_BYTES + PREDICT_BYTES)


def _stated_voxels(scan: Path, series: str | None) -> int:
    """The number of voxels in the header; 0 for a file that is not a scan, which the reader refuses."""
    from dataset_conversion.readers.archive import unpacked
    from dataset_conversion.readers.choice import choose
    from dataset_conversion.readers.dicom_start import is_dicom
    from dataset_conversion.readers.headers import read_header
    from dataset_conversion.readers.study import contents_of

    if scan.is_dir():
        stack, _ = choose(contents_of(scan), series, scan)
        return sum(map(_pixels, stack.headers))
    if not scan.is_file():
        return 0
    if is_dicom(scan):
        return _pixels(read_header(scan))
    if zipfile.is_zipfile(scan):
        with unpacked(scan) as folder:
            return _stated_voxels(folder, series)
    return _image_voxels(scan)


def _pixels(header: Any) -> int:
    return math.prod(abs(int(header.get(name) or 1)) for name in ("Rows", "Columns", "NumberOfFrames"))


def _image_voxels(file: Path) -> int:
    try:
        return math.prod(read_header(file).grid.size)
    except OnfhError:
        return 0
