"""A cohort of real hips with implants: each scan as it is, and again with a lesion of known volume in every head."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset_conversion.cohort.pseudonyms import pseudonyms, write_key
from dataset_conversion.cohort.table import SourceScan, read_cohort
from dataset_conversion.labels.head_components import Head, find_heads
from dataset_conversion.labels.label_map import LabelRules
from dataset_conversion.labels.labelled_scan import read_labelled_scan
from dataset_conversion.phantom.implants.grey_levels import CORTEX_MM, GreyLevels
from dataset_conversion.phantom.implants.implant import Drawing, Implant
from dataset_conversion.phantom.implants.labelled_head import LabelledHead
from dataset_conversion.phantom.implants.painting import Canvas, Painted, paint
from onfh_nnunet.core.atomic_files import atomic_write, require_apart
from onfh_nnunet.core.bounding_box import Box, bounding_box, expand
from onfh_nnunet.core.choices import Weighting
from onfh_nnunet.core.csv_rows import write_rows
from onfh_nnunet.core.errors import CohortError, LabelError, OnfhError, WorkspaceError
from onfh_nnunet.core.extent import percent_of
from onfh_nnunet.core.folder_lock import locked_output
from onfh_nnunet.core.grid import Grid, direction_of
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.labels import Label
from onfh_nnunet.core.parallel import all_or_none, attempt, map_in_processes
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.core.provenance import Provenance
from onfh_nnunet.core.steinberg import Grade, steinberg_grade
from onfh_nnunet.core.volume import Volume

SETTINGS = "implants.json"
VERSION = 1
"""Raised when the same arguments would give other bytes."""

SHARES = {Grade.A: (0.003, 0.148), Grade.B: (0.152, 0.298), Grade.C: (0.302, 0.45)}
"""Of the head; drawn evenly on a logarithmic scale, so that small lesions are not rare."""

THICKEST_MM = 6.5
"""Thicker slices leave nothing of a band of 1 to 3 mm."""

_AROUND_MM = 4.0
"""Around the head, which the blur of a lesion at its surface reaches."""

_LEVELS_MM = 30.0
"""Around the head, where grey values are measured."""


@dataclass(frozen=True)
class ImplantRow:
    """A row of cohort.csv: a scan, as it is (visit 0, or 2x0 of a visit 2) or with implants."""

    patient_id: str
    visit: str
    image: str
    side: str
    label: str
    grade: Grade | None


@dataclass(frozen=True)
class ImplantTruth:
    """A row of truth.csv: a hip."""

    patient_id: str
    visit: str
    side: Side
    head_ml: float
    necrosis_ml: float
    necrosis_percent: float
    grade: Grade


@dataclass(frozen=True, eq=False)
class PaintableHip:
    """A head to paint.

    Args:
        side: The patient's side.
        box: Its place in the scan's array.
        order: The axes of the scan's array in the canvas, the thickest first.
        canvas: The head, and the samples around it.
        levels: The grey values around it.
    """

    side: Side
    box: Box
    order: tuple[int, int, int]
    canvas: Canvas
    levels: GreyLevels


def write_implants(
    cohort: Path,
    out: Path,
    weighting: Weighting,
    rules: LabelRules,
    *,
    per_hip: int,
    seed: int,
    draw: Drawing = Implant.draw,
    progress: Progress = silent,
) -> int:
    """Write a cohort with implants; the same arguments give the same bytes.

    Args:
        cohort: The table of scans whose heads are labelled and hold no necrosis.
        out: A new or empty folder.
        weighting: How a lesion shows in all of the scans.
        rules: What the labels mean.
        per_hip: Implants of each hip, at least 1.
        seed: At least 0.
        draw: What draws an implant.
        progress: Called after each scan.

    Returns:
        The number of hips with an implant.

    Raises:
        CohortError: The table has bad rows; the number of implants or the seed is too small.
        OnfhError: A scan cannot be used: it has no labelled head, a lesion already, a head that is cut off or dark
            as metal or unlike its weighting, or slices too thick. All such scans are named, and nothing is written.
        WorkspaceError: The folder is not empty, or cannot be written.
    """
    if per_hip < 1 or seed < 0:
        raise CohortError("implants", f"has {per_hip} a hip and seed {seed}", "Use at least 1 and a seed of at least 0")
    scans = [scan for scan in read_cohort(cohort) if scan.label is not None]
    if not scans:
        raise LabelError(cohort, "has no label in any row, expected labelled heads", "Fill the column label")
    require_apart(out, [cohort, *(path for scan in scans for path in scan.files)])
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise WorkspaceError(out, "is not empty", "Name a new folder")
    with locked_output(out, "onfh implant"), atomic_write(out) as part:
        names = pseudonyms((scan.patient_id for scan in scans), part / "private" / "key.csv")
        settings: dict[str, Any] = {"per_hip": per_hip, "seed": seed, "weighting": weighting}
        work = partial(_attempted, rules=rules, folder=part, names=names, draw=draw, **settings)
        outcomes: list[list[ImplantTruth] | OnfhError] = []
        for outcome in map_in_processes(work, list(enumerate(scans)), few=1):
            outcomes.append(outcome)
            progress(names[scans[len(outcomes) - 1].patient_id], len(outcomes), len(scans))
        hips = list(itertools.chain.from_iterable(all_or_none(outcomes)))
        write_rows(part / "cohort.csv", ImplantRow, _rows(hips))
        write_rows(part / "truth.csv", ImplantTruth, hips)
        write_key(part / "private" / "key.csv", names)
        Provenance({"version": VERSION, "forms": draw.__name__, **settings}).write(part / SETTINGS)
    return sum(hip.necrosis_ml > 0 for hip in hips)


def _attempted(item: tuple[int, SourceScan], **settings: Any) -> list[ImplantTruth] | OnfhError:
    return attempt(partial(_implanted, **settings), item)


def _implanted(
    item: tuple[int, SourceScan],
    *,
    rules: LabelRules,
    weighting: Weighting,
    per_hip: int,
    seed: int,
    draw: Drawing,
    folder: Path,
    names: dict[str, str],
) -> list[ImplantTruth]:
    """Write a scan as it is and its implants; return what is true of the hips in each."""
    number, scan = item
    name = names[scan.patient_id]
    volume, hips = read_hips(scan, rules, weighting)
    truth = []
    for turn in range(per_hip + 1):
        rng = np.random.default_rng([seed, number, turn])
        image, label, painted = with_implants(volume, hips, weighting, rng if turn else None, number + turn, draw)
        visit = f"{scan.visit}x{turn}" if scan.visit else f"{turn}"
        stem = f"{name}_{visit}_{scan.side}.nii.gz"
        image.write(folder / "images" / stem)
        label.write_labels(folder / "labels" / stem)
        truth += [_truth(name, visit, hip, one) for hip, one in zip(hips, painted, strict=True)]
    return truth


def read_hips(scan: SourceScan, rules: LabelRules, weighting: Weighting) -> tuple[Volume, list[PaintableHip]]:
    """The scan, and its labelled heads to paint on.

    Raises:
        OnfhError: The scan cannot be used; see `write_implants`.
    """
    place = f"line {scan.line} of the cohort"
    read = read_labelled_scan(scan, rules, place, healthy=True)
    volume, label = read.image.volume, read.label.volume
    if (label.array == Label.NECROSIS).any():
        raise LabelError(place, "has necrosis in its label, expected a healthy head", "Leave out hips with a lesion")
    if (thickest := max(volume.grid.spacing_mm)) > THICKEST_MM:
        problem = f"has slices {thickest:.1f} mm apart, expected up to {THICKEST_MM:g} mm"
        raise CohortError(place, problem, "Leave out scans with thick slices: a lesion's band would not show in them")
    if (finest := min(volume.grid.spacing_mm)) >= CORTEX_MM:
        problem = f"has voxels of {finest:.1f} mm, expected less than {CORTEX_MM:g} mm in one direction"
        raise CohortError(place, problem, "Leave out scans so coarse: the cortex of a head would not show in them")
    return volume, [_hip(volume, head, weighting, place) for head in find_heads(label, scan.side, place)]


def _hip(volume: Volume, head: Head, weighting: Weighting, place: str) -> PaintableHip:
    mask = np.zeros(volume.grid.size, bool)
    mask[head.box] = head.mask
    own = Volume(mask, volume.grid)
    hip = HipMask(own)
    if hip.may_be_cut:
        problem = f"has its {head.side} head {hip.border_gap_mm:.1f} mm from the border of the scan, which may cut it"
        raise LabelError(place, problem, "Leave out hips that the field of view cuts")
    levels = GreyLevels.measure(_around(volume, own, _LEVELS_MM), _around(own, own, _LEVELS_MM).array)
    levels.require(weighting, f"{place}, {head.side}")
    viable = _around(own, own, _AROUND_MM)
    order = _slices_first(viable.grid)
    canvas = Canvas.of(_permuted(viable, order), LabelledHead.of(own, head.side))
    return PaintableHip(head.side, _box_around(own, _AROUND_MM), order, canvas, levels)


def _box_around(head: Volume, margin_mm: float) -> Box:
    """The bounding box of a head that is not empty, and what lies so near to it."""
    found = bounding_box(head.array)
    if found is None:
        raise ValueError("a head has voxels")
    layers = [math.ceil(margin_mm / mm) for mm in head.grid.spacing_mm]
    return expand(found, layers)


def _around(volume: Volume, head: Volume, margin_mm: float) -> Volume:
    """The part of a volume around a head."""
    box = _box_around(head, margin_mm)
    z, y, x = (part.start for part in box)
    part = volume.array[box]
    return Volume(part, volume.grid.part((z, y, x), part.shape))


def with_implants(
    volume: Volume,
    hips: Sequence[PaintableHip],
    weighting: Weighting,
    rng: np.random.Generator | None,
    turn: int = 0,
    draw: Drawing = Implant.draw,
) -> tuple[Volume, Volume, list[Painted | None]]:
    """A scan and its label with a random implant in every hip; as it is without a source of chance.

    Args:
        volume: The scan.
        hips: Its hips.
        weighting: How a lesion shows.
        rng: The source of chance.
        turn: Which grade the first hip gets; each further hip gets the next.
        draw: What draws an implant.

    Returns:
        The image in the scan's type, the label, and what was painted in each hip.
    """
    grey = volume.array.astype(np.float32)
    labels = np.zeros(volume.grid.size, np.uint8)
    painted: list[Painted | None] = []
    for place, hip in enumerate(hips):
        box, scan_box = grey[hip.box].transpose(hip.order), labels[hip.box].transpose(hip.order)  # views
        if rng is None:
            scan_box += hip.canvas.viable.array
            painted.append(None)
            continue
        share = _share(list(SHARES)[(turn + place) % len(SHARES)], rng)
        one = paint(box, hip.canvas, share, hip.levels, weighting, rng, draw)
        box[...] = one.grey
        scan_box += one.labels
        painted.append(one)
    return Volume(_as(volume.array.dtype, grey), volume.grid), Volume(labels, volume.grid), painted


def _share(grade: Grade, rng: np.random.Generator) -> float:
    low, high = SHARES[grade]
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _slices_first(grid: Grid) -> tuple[int, int, int]:
    """The order of axes in which the thickest comes first."""
    first = int(np.argmax(grid.spacing_mm))
    second, third = (axis for axis in range(3) if axis != first)
    return first, second, third


def _permuted(volume: Volume, order: tuple[int, int, int]) -> Volume:
    grid = volume.grid
    z, y, x = (grid.spacing_mm[axis] for axis in order)
    first, second, third = (grid.size[axis] for axis in order)
    direction = direction_of(np.asarray(grid.direction)[:, order])
    return Volume(volume.array.transpose(order), Grid((first, second, third), (z, y, x), grid.origin_mm, direction))


def _as(dtype: np.dtype[Any], grey: NDArray[np.float32]) -> NDArray[Any]:
    """Grey values in the scan's type, rounded and clipped where it is whole."""
    if dtype.kind not in "iu":
        return grey.astype(dtype)
    limits = np.iinfo(dtype)
    whole: NDArray[Any] = np.clip(np.rint(grey), limits.min, limits.max).astype(dtype)
    return whole


def _truth(name: str, visit: str, hip: PaintableHip, painted: Painted | None) -> ImplantTruth:
    head_ml, necrosis_ml = hip.canvas.head_ml, painted.necrosis_ml if painted else 0.0
    grade = steinberg_grade(necrosis_ml, head_ml)
    return ImplantTruth(name, visit, hip.side, head_ml, necrosis_ml, percent_of(necrosis_ml, head_ml), grade)


def _rows(hips: Sequence[ImplantTruth]) -> list[ImplantRow]:
    rows = []
    for (patient, visit), of_scan in itertools.groupby(hips, lambda hip: (hip.patient_id, hip.visit)):
        seen = list(of_scan)
        side = "B" if len(seen) > 1 else str(seen[0].side)
        name = f"{patient}_{visit}_{side}.nii.gz"
        grade = seen[0].grade if len({hip.grade for hip in seen}) == 1 else None
        rows.append(ImplantRow(patient, visit, f"images/{name}", side, f"labels/{name}", grade))
    return rows
