"""The label files of folders, matched by their names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dataset_conversion.readers.segmentation import is_dicom_label
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.file_names import stem
from onfh_nnunet.core.image_files import FILE_SUFFIXES
from onfh_nnunet.core.user_files import refused_whole


def labels_in(folder: Path) -> dict[str, Path]:
    """The labels of a folder by their names without endings, in order of name.

    These are NIfTI, NRRD and MetaImage files, DICOM segmentations whatever their names, and folders that hold a DICOM
    segmentation. Other files, hidden ones and other folders are passed over.

    Raises:
        ReadError: The folder is not there or holds no label, or two labels have one name.
    """
    found: dict[str, Path] = {}
    with refused_whole(folder):
        if not folder.is_dir():
            raise ReadError(folder, "is not a folder", "Give a folder of masks")
        entries = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".") and _is_label(path)]
    for path in entries:
        name = stem(path)
        if name in found:
            raise ReadError(folder, f"holds {found[name].name} and {path.name}", "Keep one of them")
        found[name] = path
    if not found:
        problem = f"holds no mask ({', '.join(FILE_SUFFIXES)}, or a DICOM segmentation)"
        raise ReadError(folder, problem, "Give a folder of masks")
    return found


def _is_label(path: Path) -> bool:
    if path.is_dir():
        return any(is_dicom_label(one) for one in sorted(path.iterdir()))
    return path.name.lower().endswith(FILE_SUFFIXES) or is_dicom_label(path)


def necrosis_beside(labels: Sequence[Path], necrosis: Path | None) -> list[Path | None]:
    """The mask of the necrosis of each hip, none where the label holds both.

    Args:
        labels: The labels of the hips.
        necrosis: A folder of masks under the same names, or the mask of the only hip; none for labels of both regions.

    Raises:
        ReadError: A hip has no mask there: an empty mask says that a hip has no necrosis, a missing one says nothing.
    """
    if necrosis is None:
        return [None] * len(labels)
    if not necrosis.is_dir():
        if len(labels) != 1:
            raise ReadError(necrosis, f"is one file for {len(labels)} hips", "Give a folder with one mask per hip")
        return [necrosis]
    found = labels_in(necrosis)
    if lacking := [stem(path) for path in labels if stem(path) not in found]:
        problem = f"lacks masks of the necrosis of {', '.join(lacking)}"
        raise ReadError(necrosis, problem, "Give an empty mask for a hip without necrosis")
    return [found[stem(path)] for path in labels]
