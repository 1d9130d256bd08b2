"""Surfaces of the head and the necrosis of hips, as meshes and mesh files."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dataset_conversion.labels.label_map import LabelRules
from onfh_nnunet.core.atomic_files import require_output_apart
from onfh_nnunet.core.choices import AnyPath
from onfh_nnunet.core.folder_lock import locked_output
from onfh_nnunet.core.folder_record import FolderRecord, written_folder
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.labels import Region
from onfh_nnunet.core.parallel import map_in_threads
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.core.run_log import log_into
from onfh_nnunet.workflows.hip_labels import label_rules
from onfh_nnunet.workflows.mask_files import MaskFile, Masks, mask_files, named_hips, require_different
from postprocessing.mesh.mesh_files import mesh_names, write_meshes
from postprocessing.mesh.surface import surface

if TYPE_CHECKING:
    from trimesh import Trimesh


@dataclass(frozen=True, eq=False)
class HipSurfaces:
    """The surfaces of one hip: closed, in mm, LPS (x to the patient's left, y to the back, z to the head).

    Args:
        case_id: The hip.
        source: Its mask; empty for one in memory.
        side: The patient's side, where known.
        head: Of the femoral head, necrosis included.
        necrosis: Of the necrosis; None without any.
        notes: What its user should know.
    """

    case_id: str
    source: str
    side: Side | None
    head: Trimesh
    necrosis: Trimesh | None
    notes: tuple[str, ...] = ()

    @property
    def regions(self) -> dict[Region, Trimesh]:
        """Its surfaces by region."""
        return {Region.HEAD: self.head} | ({Region.NECROSIS: self.necrosis} if self.necrosis is not None else {})


def mesh(
    masks: Masks,
    *,
    side: Side | str | None = None,
    head_label: str | None = None,
    necrosis_label: str | None = None,
    label_names: AnyPath | None = None,
    necrosis_masks: AnyPath | None = None,
    out: AnyPath | None = None,
    progress: Progress = silent,
) -> list[HipSurfaces]:
    """Make closed surfaces of masks from any tool, as large as the masks, read as `grade` reads them.

    Args:
        masks: One mask or many: a file, a folder of files, or a `Volume`.
        side: The side of masks whose names state none.
        head_label: Value, segment name or code of the viable head; see `grade`.
        necrosis_label: The same for the necrosis.
        label_names: A label description file of ITK-SNAP, to name label values.
        necrosis_masks: Masks of the necrosis alone where they have files of their own.
        out: A folder for STL, PLY and GLB. Those of the same hips are replaced, and those of others stay. Nothing is
            written by default.
        progress: Called after each mask.

    Returns:
        The surfaces of each hip, in order, a right hip before the left one.

    Raises:
        LabelError: A mask has no closed surface whose volume is the mask's within 1 %.
        OnfhError: Masks cannot be read; all of them are named, and nothing is written.
        WorkspaceError: `out` cannot be written, lies in an input, or holds something else.

    Example:
        ```python
        import onfh_nnunet as onfh

        for hip in onfh.mesh("P001_R.nii.gz", out="meshes"):
            print(hip.case_id, hip.head.volume / 1000, "ml")
        ```
    """
    rules = label_rules(head_label, necrosis_label, label_names)
    files = mask_files(masks, side, necrosis_masks)
    if out is None:
        return _surfaces(files, rules, progress)
    folder = Path(out)
    inputs = [file.path for file in files if isinstance(file.path, Path)]
    require_output_apart(folder, [*inputs, *(Path(one) for one in (label_names, necrosis_masks) if one)])
    with locked_output(folder, "onfh mesh"), written_folder(folder, "meshes") as part:
        hips = _surfaces(files, rules, progress)
        part.mkdir()
        _keep_others(folder, part, {hip.case_id for hip in hips})
        for hip in hips:
            write_meshes(part, hip.case_id, hip.regions)
    log_into(folder)
    return hips


def _keep_others(folder: Path, part: Path, made: Collection[str]) -> None:
    """Carry over the surfaces of hips that are not made anew."""
    record = FolderRecord.read(folder)
    replaced = {name for case_id in made for name in mesh_names(case_id)}
    for name in sorted(record.files - replaced) if record else ():
        if (folder / name).is_file():
            shutil.copyfile(folder / name, part / name)


def _surfaces(files: Sequence[MaskFile], rules: LabelRules, progress: Progress) -> list[HipSurfaces]:
    made = [hip for hips in map_in_threads(partial(_of_file, rules=rules), files, progress) for hip in hips]
    require_different((hip.case_id, hip.source) for hip in made)
    return made


def _of_file(file: MaskFile, rules: LabelRules) -> list[HipSurfaces]:
    hips = named_hips(file, rules)
    return [_of_hip(case_id, file.source, hip.mask, hip.notes) for case_id, hip in hips.items()]


def _of_hip(case_id: str, source: str, mask: HipMask, notes: tuple[str, ...]) -> HipSurfaces:
    head = mask.head
    meshes = {
        region: surface(region.mask(head.array), head.grid, f"{case_id}, {region}")
        for region in Region
        if region.mask(head.array).any()
    }
    return HipSurfaces(case_id, source, mask.side, meshes[Region.HEAD], meshes.get(Region.NECROSIS), notes)
