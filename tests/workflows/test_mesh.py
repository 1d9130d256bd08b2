"""`onfh mesh`: surfaces of the hips of masks from any tool, and the folder that they are written into."""

import numpy as np
import pytest
import trimesh

import onfh_nnunet as onfh_python
from onfh_nnunet.core.errors import CohortError, OnfhError, WorkspaceError
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.volume import Volume
from tests.helpers.dicom_files import LEFT, PELVIS, RIGHT, both_heads, head


@pytest.fixture
def masks(tmp_path):
    """A mask of both hips, and one of a healthy left hip."""
    folder = tmp_path / "masks"
    folder.mkdir()
    both_heads().write_labels(folder / "P001.nii.gz")
    Volume(head(PELVIS, LEFT), PELVIS).write_labels(folder / "P002_L.nii.gz")
    return folder


def test_each_hip_has_its_files_on_its_side(onfh, masks, tmp_path):
    done = onfh("mesh", masks, "--out", tmp_path / "out")
    assert "3 hips, mm, LPS" in done.stdout
    kinds = ("head.stl", "head.ply", "necrosis.stl", "necrosis.ply")
    names = {f"P001_{side}_{kind}" for side in "LR" for kind in kinds}
    names |= {"P001_L.glb", "P001_R.glb", "P002_L_head.stl", "P002_L_head.ply", "P002_L.glb"}
    assert {path.name for path in (tmp_path / "out").iterdir() if not path.name.startswith(".")} == {*names, "private"}
    for name, label, centre in (("P001_R", both_heads(), RIGHT), ("P002_L", Volume(head(PELVIS, LEFT), PELVIS), LEFT)):
        read = trimesh.load(tmp_path / "out" / f"{name}_head.stl")
        own = label.array[:, :, : PELVIS.size[2] // 2] if centre is RIGHT else label.array
        assert read.is_watertight
        assert read.volume / 1000 == pytest.approx(np.count_nonzero(own) * PELVIS.voxel_ml, rel=0.01)
        np.testing.assert_allclose(read.center_mass, centre, atol=2)


def test_python_gives_the_surfaces(masks):
    right, left, healthy = onfh_python.mesh(masks)
    assert [hip.side for hip in (right, left, healthy)] == [Side.RIGHT, Side.LEFT, Side.LEFT]
    assert right.necrosis.volume < right.head.volume
    assert healthy.necrosis is None


def test_a_second_run_replaces_the_same_hips_and_keeps_the_others(masks, tmp_path):
    out = tmp_path / "out"
    onfh_python.mesh(masks, out=out)
    before = {path.name: path.read_bytes() for path in out.glob("P00*")}
    healthy = Volume.read(masks / "P001.nii.gz")
    Volume((healthy.array > 0).astype(np.uint8), healthy.grid).write_labels(masks / "P001.nii.gz")
    onfh_python.mesh(masks / "P001.nii.gz", out=out)
    after = {path.name: path.read_bytes() for path in out.glob("P00*")}
    assert after.keys() == {name for name in before if "necrosis" not in name}
    assert {name for name in after if after[name] == before[name]} >= {name for name in before if "P002" in name}
    (out / "notes.txt").write_text("mine")
    with pytest.raises(WorkspaceError, match=r"holds something other than meshes \(notes.txt\)"):
        onfh_python.mesh(masks, out=out)
    assert (out / "P002_L.glb").exists()


def test_what_cannot_be_read_leaves_nothing(masks, tmp_path):
    (masks / "P003_R.nii.gz").write_bytes(b"no mask")
    with pytest.raises(OnfhError, match=r"P003_R.nii.gz"):
        onfh_python.mesh(masks, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_hip_in_two_masks_is_refused(masks, tmp_path):
    Volume(head(PELVIS, LEFT), PELVIS).write_labels(masks / "P001_L.nii.gz")
    with pytest.raises(CohortError, match="P001_L: is in several masks"):
        onfh_python.mesh(masks, out=tmp_path / "out")
