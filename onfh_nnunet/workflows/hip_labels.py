"""The labels of hips, read for `grade` and `compare` as `check` and `convert` read them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dataset_conversion.cohort.table import ScanSide
from dataset_conversion.labels.grid_alignment import align_to_grid
from dataset_conversion.labels.head_components import Head, find_heads, holds_two_heads
from dataset_conversion.labels.label_map import LabelFiles, Labelled, LabelRules, label_map, label_map_in_memory
from dataset_conversion.readers.itksnap import read_names
from dataset_conversion.readers.segmentation import Segmentation, read_segmentation
from onfh_nnunet.core.choices import AnyPath
from onfh_nnunet.core.errors import LabelError, SideError
from onfh_nnunet.core.grid import FloatArray, Grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.labels import Label
from onfh_nnunet.core.scan_half import side_doubt, side_of_place
from onfh_nnunet.core.volume import Volume
from postprocessing.masks.mend import mend, without_strays


@dataclass(frozen=True, eq=False)
class LabelledHip:
    """The label of one hip.

    Args:
        mask: On the label's own grid, with the side that is known.
        centre_mm: Centre of the head, LPS.
        notes: What its user should know.
    """

    mask: HipMask
    centre_mm: FloatArray
    notes: tuple[str, ...]


def label_rules(
    head_label: str | None, necrosis_label: str | None, label_names: AnyPath | None, *, resample: bool = False
) -> LabelRules:
    """What the user says about labels, with the names of a label description file of ITK-SNAP.

    Raises:
        ReadError: The label description file cannot be read.
    """
    names = read_names(Path(label_names)) if label_names else None
    return LabelRules(head_label, necrosis_label, names, resample)


def read_hips(
    label: Path | Volume,
    necrosis: Path | None,
    side: Side | None,
    rules: LabelRules,
    place: str,
    drawn_on: Grid | None = None,
    *,
    clean: bool = False,
    healthy: bool = False,
) -> list[LabelledHip]:
    """Read the hip of a label, or both hips of a label of a whole scan.

    Args:
        label: The label, or the head's mask where the necrosis has its own; a DICOM SEG may be the only one of a
            folder. A volume is a label map in memory.
        necrosis: The mask of the necrosis.
        side: The side that is meant, as its name or its user states it; None for the hips that it holds.
        rules: What the label means.
        place: What messages name.
        drawn_on: The grid on which contours become voxels.
        clean: Whether to mend each mask, see `mend`; what was done is in the hip's notes.
        healthy: Whether somebody stated that the hips have no necrosis.

    Returns:
        One hip, whose side may be unknown; or both, the right one first.

    Raises:
        SideError: The head lies on another side than the one that is stated.
        OnfhError: It cannot be read, or is no label of one hip or of both.
    """
    stated: ScanSide = "B" if side is None else "L" if side is Side.LEFT else "R"
    if isinstance(label, Volume):
        labelled = label_map_in_memory(label, stated, rules, place)
    else:
        labelled = label_map(LabelFiles(label, necrosis, stated, healthy), rules, place, drawn_on=drawn_on)
    if clean:
        kept, done = without_strays(labelled.volume)
        labelled = replace(labelled, volume=kept, notes=(*labelled.notes, *done))
    hips = _hips(labelled, side, place)
    return [_mended(hip, place) for hip in hips] if clean else hips


def _hips(labelled: Labelled, side: Side | None, place: str) -> list[LabelledHip]:
    if holds_two_heads(labelled.volume):
        heads = find_heads(labelled.volume, "B", place)
        if side is None:
            return [_one_of_two(labelled, head) for head in heads]
        problem = f"holds two heads, expected that of side {side}, as its name or `side` says"
        raise LabelError(place, problem, "To read both, rename it and leave out `side`; else label one hip only")
    (head,) = find_heads(labelled.volume, "R", place)  # refuses what is no head; the side decides nothing here
    return [_only_one(labelled, head, side or labelled.side, place)]


def _mended(hip: LabelledHip, place: str) -> LabelledHip:
    volume, done = mend(hip.mask.labels, place)
    return LabelledHip(HipMask(volume, hip.mask.side), hip.centre_mm, (*hip.notes, *done))


def _one_of_two(labelled: Labelled, head: Head) -> LabelledHip:
    own = np.zeros_like(labelled.volume.array)
    own[head.box] = labelled.volume.array[head.box] * head.mask
    return LabelledHip(HipMask(Volume(own, labelled.volume.grid), head.side), head.centre_mm, labelled.notes)


def _only_one(labelled: Labelled, head: Head, side: Side | None, place: str) -> LabelledHip:
    grid, x_mm = labelled.volume.grid, float(head.centre_mm[0])
    doubt = side_doubt(grid, x_mm, side) if side else None
    if side and doubt and doubt.certain:
        remedy = "Correct the side in its name, in its segment's name or in `side`; or the orientation in its header"
        raise SideError(place, f"has side {side}, and its head {doubt.place}", remedy)
    notes = (f"side {side}, and the head {doubt.place}: check the side",) if doubt else ()
    mask = HipMask(labelled.volume, side or side_of_place(grid, x_mm))
    return LabelledHip(mask, head.centre_mm, (*labelled.notes, *notes))


def read_prediction(path: Path, rules: LabelRules) -> Volume:
    """Read a mask that a program predicted: one without necrosis, without a head, or empty is its answer.

    Values of 0, 1 and 2 are those of `Label`; what `rules` say holds for other values.

    Returns:
        Values of `Label`, uint8; of one hip or both, which its user is to judge.

    Raises:
        OnfhError: It cannot be read.
    """
    source = read_segmentation(path)
    if _is_plain(source) or not any(layer.any() for layer in source.layers):
        return Volume(source.layers[0].astype(np.uint8, copy=False), source.grid)
    return label_map(LabelFiles(path, side="B", healthy=True), rules, str(path)).volume


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
