"""The labels of single hips, read for `grade` and `compare` as `check` and `convert` read them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dataset_conversion.labels.grid_alignment import align_to_grid
from dataset_conversion.labels.head_components import find_heads
from dataset_conversion.labels.label_map import LabelFiles, Labelled, LabelRules, label_map
from dataset_conversion.readers.itksnap import read_names
from dataset_conversion.readers.segmentation import Segmentation, is_dicom_label, read_segmentation
from onfh_nnunet.core.choices import AnyPath
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.file_names import stem
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.image_files import FILE_SUFFIXES
from onfh_nnunet.core.labels import Label
from onfh_nnunet.core.user_files import refused_whole
from onfh_nnunet.core.volume import Volume
from postprocessing.masks.clean import require_hip_labels


def label_rules(
    head_label: str | None, necrosis_label: str | None, label_names: AnyPath | None, *, resample: bool = False
) -> LabelRules:
    """What the user says about labels, with the names of a label description file of ITK-SNAP.

    Raises:
        ReadError: The label description file cannot be read.
    """
    names = read_names(Path(label_names)) if label_names else None
    return LabelRules(head_label, necrosis_label, names, resample)


def read_hip(
    path: Path, necrosis: Path | None, side: Side | None, rules: LabelRules, drawn_on: Grid | None = None
) -> Labelled:
    """Read the label of one hip.

    Args:
        path: The label, or the head's mask where the necrosis has its own; a DICOM SEG may be the only one of a folder.
        necrosis: The mask of the necrosis.
        side: The patient's side, where known; it chooses the hip in a label that names both.
        rules: What the label means.
        drawn_on: The grid on which contours become voxels.

    Returns:
        The label on its own grid, and the side that its names state.

    Raises:
        OnfhError: It cannot be read, or is no label of one hip.
    """
    labelled = label_map(LabelFiles(path, necrosis, side.value if side else None), rules, str(path), drawn_on=drawn_on)
    require_hip_labels(labelled.volume, path)
    find_heads(labelled.volume, "R", str(path))  # refuses a lesion outside the head; the side decides nothing here
    return labelled


def read_prediction(path: Path, rules: LabelRules) -> Volume:
    """Read a mask that a program predicted: one without necrosis, without a head, or empty is its answer.

    Values of 0, 1 and 2 are those of `Label`; what `rules` say holds for other values.

    Raises:
        OnfhError: It cannot be read, or is no label of one hip.
    """
    source = read_segmentation(path)
    if not any(layer.any() for layer in source.layers):
        return Volume(np.zeros(source.grid.size, np.uint8), source.grid)
    if _is_plain(source):
        return require_hip_labels(Volume(source.layers[0], source.grid), path)
    drawn = label_map(LabelFiles(path, healthy=True), rules, str(path))
    return require_hip_labels(drawn.volume, path)


def _is_plain(source: Segmentation) -> bool:
    """Whether it is a label map of the values of `Label`."""
    return all(not segment.name and segment.number <= max(Label) for segment in source.segments)


def on_one_grid(drawn: Volume, predicted: Volume, case_id: str) -> tuple[Volume, Volume]:
    """Two masks of one hip, the smaller one laid on the grid of the larger one where it has the same voxels.

    A segmentation may be stored without its empty slices.

    Raises:
        GridMismatch: They do not share their voxels.
        GeometryError: The smaller one reaches out of the larger one.
    """
    if drawn.array.size >= predicted.array.size:
        return drawn, align_to_grid(predicted, drawn.grid, case_id, resample=False)[0]
    return align_to_grid(drawn, predicted.grid, case_id, resample=False)[0], predicted


def labels_in(folder: Path) -> dict[str, Path]:
    """The labels of a folder by their names without endings, in order of name.

    These are NIfTI, NRRD and MetaImage files, DICOM segmentations whatever their names, and folders that hold a DICOM
    segmentation. Other files, hidden ones and other folders are passed over.

    Raises:
        ReadError: The folder is not there or holds no label, or two labels have one name.
    """
    if not folder.is_dir():
        raise ReadError(folder, "is not a folder", "Give a folder of masks")
    found: dict[str, Path] = {}
    with refused_whole(folder):
        entries = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".") and _is_label(path)]
    for path in entries:
        name = stem(path)
        if name in found:
            raise ReadError(folder, f"holds {found[name].name} and {path.name}", "Keep one mask a hip")
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
            raise ReadError(necrosis, f"is one file for {len(labels)} hips", "Give a folder with a mask a hip")
        return [necrosis]
    found = labels_in(necrosis)
    if lacking := [stem(path) for path in labels if stem(path) not in found]:
        problem = f"lacks masks of the necrosis of {', '.join(lacking)}"
        raise ReadError(necrosis, problem, "Give an empty mask for a hip without necrosis")
    return [found[stem(path)] for path in labels]
