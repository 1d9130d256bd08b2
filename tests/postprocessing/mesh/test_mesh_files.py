"""Mesh files as trimesh reads them again: closed, in mm, where the masks are; and their headers say in which space."""

import json

import numpy as np
import pytest
import trimesh

from onfh_nnunet.core.labels import Region
from postprocessing.mesh.mesh_files import write_meshes
from postprocessing.mesh.surface import surface
from tests.helpers.solid_hips import RADIUS_MM, hip

LABELS, _ = hip(lambda place: place[..., 2] > 0.4 * RADIUS_MM, (2.0, 0.8, 0.8), (20, 0, 10))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("meshes")
    meshes = {region: surface(region.mask(LABELS.array), LABELS.grid, region) for region in Region}
    return {path.name: path for path in write_meshes(folder, "P001_R", meshes)}


def ml(region):
    return np.count_nonzero(region.mask(LABELS.array)) * LABELS.grid.voxel_ml


@pytest.mark.parametrize("kind", ["stl", "ply", "glb"])
@pytest.mark.parametrize("region", Region)
def test_each_file_holds_the_closed_surface(files, kind, region):
    if kind == "glb":
        name = {Region.HEAD: "femoral head", Region.NECROSIS: "necrosis"}[region]
        read = trimesh.load(files["P001_R.glb"], merge_primitives=True).geometry[name]
        read.merge_vertices(merge_norm=True, merge_tex=True)
    else:
        read = trimesh.load(files[f"P001_R_{region}.{kind}"])
    assert read.is_watertight
    assert read.volume / 1000 == pytest.approx(ml(region), rel=0.01)
    centre = LABELS.grid.to_mm(np.argwhere(region.mask(LABELS.array)).astype(float)).mean(axis=0)
    np.testing.assert_allclose(read.center_mass, centre, atol=0.1)


def test_the_headers_say_the_space_and_the_unit(files):
    assert files["P001_R_head.stl"].read_bytes()[:80].strip() == b"SPACE=LPS;UNIT=mm"
    assert b"\ncomment SPACE=LPS;UNIT=mm\n" in files["P001_R_head.ply"].read_bytes()[:300]
    content = files["P001_R.glb"].read_bytes()
    tree = json.loads(content[20 : 20 + int.from_bytes(content[12:16], "little")])
    assert tree["asset"]["extras"] == {"space": "LPS", "unit": "mm"}
    assert {node["name"] for node in tree["nodes"]} >= {"femoral head", "necrosis"}
    assert sorted(material["alphaMode"] for material in tree["materials"]) == ["BLEND", "OPAQUE"]


def test_the_same_mask_gives_the_same_bytes(files, tmp_path):
    meshes = {region: surface(region.mask(LABELS.array), LABELS.grid, region) for region in Region}
    for path in write_meshes(tmp_path, "P001_R", meshes):
        assert path.read_bytes() == files[path.name].read_bytes(), path.name
