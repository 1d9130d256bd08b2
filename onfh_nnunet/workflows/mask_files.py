"""The masks of hips that a user gives, by their names: files, folders of files, or masks in memory."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Union

from dataset_conversion.labels.label_map import LabelRules
from onfh_nnunet.core.errors import CohortError, SideError
from onfh_nnunet.core.file_names import side_of_name, stem
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.user_files import refused_whole
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.workflows.hip_labels import LabelledHip, read_hips
from onfh_nnunet.workflows.label_folders import labels_in, necrosis_beside


@dataclass(frozen=True, eq=False)
class MaskFile:
    """The mask of a hip, or of both hips of a patient.

    Args:
        path: A label in any format that `convert` reads; or the mask itself, in memory.
        case_id: The hip; of a mask of both hips what their case ids begin with.
        side: The patient's side, where known.
        necrosis: The mask of the necrosis, where it has a file of its own.
    """

    path: Path | Volume
    case_id: str
    side: Side | None
    necrosis: Path | None = None

    @property
    def source(self) -> str:
        """Its file; empty for a mask in memory."""
        return "" if isinstance(self.path, Volume) else str(self.path)


Masks = Union[str, "os.PathLike[str]", Volume, Iterable[Union[str, "os.PathLike[str]", Volume]]]
"""One mask or many: a file, a folder of files, or a `Volume`."""


def mask_files(
    masks: Masks, side: Side | str | None = None, necrosis_masks: str | os.PathLike[str] | None = None
) -> list[MaskFile]:
    """The masks that are given, in order, by their names; see `grade`.

    Raises:
        CohortError: One is given twice.
        ReadError: A folder holds no mask, or a mask has no necrosis among those of the necrosis.
        SideError: A name and `side` contradict each other.
    """
    several = [masks] if isinstance(masks, str | os.PathLike | Volume) else masks
    given = [path for one in several for path in _files(one)]
    files = [_mask_file(one, number, None if side is None else Side(side)) for number, one in enumerate(given, start=1)]
    _require_once(files)
    return _with_necrosis(files, None if necrosis_masks is None else Path(necrosis_masks))


def named_hips(file: MaskFile, rules: LabelRules | None = None, *, clean: bool = False) -> dict[str, LabelledHip]:
    """Read the hip of a mask, or both hips, by their case ids.

    Raises:
        OnfhError: It cannot be read.
    """
    place = file.source or file.case_id
    hips = read_hips(file.path, file.necrosis, file.side, rules or LabelRules(), place, clean=clean)
    names = [file.case_id] if len(hips) == 1 else [f"{file.case_id}_{hip.mask.side}" for hip in hips]
    return dict(zip(names, hips, strict=True))


def require_different(hips: Iterable[tuple[str, str]]) -> None:
    """Refuse a hip that is drawn twice: in a mask of its own, and in one of both hips.

    Args:
        hips: Case id and source of each.

    Raises:
        CohortError: A case id occurs twice.
    """
    sources: dict[str, list[str]] = {}
    for case_id, source in hips:
        sources.setdefault(case_id, []).append(source)
    for case_id, files in sources.items():
        if len(files) > 1:
            problem = f"is in several masks: {', '.join(files)}"
            raise CohortError(case_id, problem, "Give each hip once, or rename one of the files")


def _require_once(files: Sequence[MaskFile]) -> None:
    """Refuse a mask that is given twice: it would count twice in every summary."""
    paths = Counter(file.source for file in files if file.source)
    if twice := [path for path, n in paths.items() if n > 1]:
        raise CohortError(twice[0], "is given twice", "Give each mask once")


def _files(given: str | os.PathLike[str] | Volume) -> list[Path | Volume]:
    """The masks of one argument: for a folder its files in order of their names."""
    if isinstance(given, Volume):
        return [given]
    path = Path(given)
    with refused_whole(path):  # a name that is too long, a folder that may not be searched
        is_folder = path.is_dir()
    return list(labels_in(path).values()) if is_folder else [path]


def _with_necrosis(files: Sequence[MaskFile], necrosis: Path | None) -> list[MaskFile]:
    """The masks, each with its necrosis' own file where such files are given."""
    if necrosis is None:
        return list(files)
    paths = [file.path for file in files if isinstance(file.path, Path)]
    if len(paths) < len(files):
        raise CohortError("mask in memory", "has no file, and `necrosis_masks` are files", "Give one mask of both")
    return [replace(file, necrosis=own) for file, own in zip(files, necrosis_beside(paths, necrosis), strict=True)]


def _mask_file(mask: Path | Volume, number: int, side: Side | None) -> MaskFile:
    """With the side that its name states, as ``P001_L`` and ``hip right`` do, else the one that is given.

    Raises:
        SideError: The two contradict each other.
    """
    if isinstance(mask, Volume):
        return MaskFile(mask, f"P{number:03d}_{side}" if side else f"P{number:03d}", side)
    name = stem(mask)
    named = side_of_name(name)
    if None not in (side, named) and side is not named:
        problem = f"is named as side {named}, and `side` says {side}"
        raise SideError(mask, problem, "Rename it, or leave out `side`")
    return MaskFile(mask, name, named or side)
