"""Image files of an export: those that are scans, those that are label maps, and the pairs of a patient's two hips."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from dataset_conversion.cohort.scan_input import ScanInput
from dataset_conversion.readers.segnrrd import is_seg_nrrd
from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.file_names import named_side, stem, without_side
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.image_checks import is_label_map
from onfh_nnunet.core.image_files import read_header, read_image
from onfh_nnunet.core.printable import plural
from onfh_nnunet.core.user_files import refused_whole

MOST_VOXELS = 2**27
"""A larger file is taken for a scan without a look at its voxels: they are 512 x 512 x 512."""

_SHOWN = 4


def is_label_file(path: Path) -> bool:
    """Whether an image file holds a label map, an empty one included; one that cannot be read is none."""
    try:
        with refused_whole(path):
            if is_seg_nrrd(path):
                return True
        return math.prod(read_header(path).grid.size) <= MOST_VOXELS and is_label_map(read_image(path)[0])
    except OnfhError:
        return False


def labels_passed_over(labels: Iterable[Path], folder: Path) -> Iterator[str]:
    """A line for each folder of label maps."""
    for home, files in groupby(sorted(labels), key=lambda path: path.parent):
        names = [path.name for path in files]
        listed = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        place = home.relative_to(folder).as_posix() if home != folder else home.name
        yield f"{place}: passed over {plural(len(names), 'label map')}, expected MR images: {listed}"


def paired(scans: Iterable[ScanInput]) -> tuple[list[ScanInput], list[str]]:
    """The same scans, and a line for each pair: two files of one folder that differ by the side in the name alone."""
    listed = list(scans)
    groups: dict[Path, list[ScanInput]] = {}
    for scan in listed:
        if _side(scan):
            groups.setdefault(_pair(scan), []).append(scan)
    pairs = [same for same in groups.values() if len(same) == 2 and len({_side(scan) for scan in same}) == 2]
    known = {scan.path: replace(scan, side=_side(scan), pair=str(_pair(scan))) for same in pairs for scan in same}
    lines = [f"{one.title} and {other.title}: the hips of one patient, by the names" for one, other in pairs]
    return [known.get(scan.path, scan) for scan in listed], lines


def _side(scan: ScanInput) -> Side | None:
    return named_side(stem(scan.path))


def _pair(scan: ScanInput) -> Path:
    return scan.path.parent / without_side(stem(scan.path))
