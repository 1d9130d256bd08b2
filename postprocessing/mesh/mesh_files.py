"""Surfaces as files: STL and PLY of each region, and a GLB of the hip; all in mm, LPS (x left, y back, z head).

STL and PLY say so in their headers as 3D Slicer writes and reads it. glTF means metres; a GLB here holds mm, and says
so in its asset's extras.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onfh_nnunet.core.labels import Region
from postprocessing.dicom.codes import COLOUR, NAME

if TYPE_CHECKING:
    from trimesh import Trimesh

SPACE = "SPACE=LPS;UNIT=mm"
_STL_HEADER_BYTES = 80
_OPACITY = {Region.HEAD: 90, Region.NECROSIS: 255}
"""Of 255: the lesion is seen through the head."""


def mesh_names(case_id: str) -> frozenset[str]:
    """The names of all files that a hip may have."""
    surfaces = {f"{case_id}_{region}.{kind}" for region in Region for kind in ("stl", "ply")}
    return frozenset({*surfaces, f"{case_id}.glb"})


def write_meshes(folder: Path, case_id: str, surfaces: Mapping[Region, Trimesh]) -> list[Path]:
    """Write ``<case_id>_<region>.stl`` and ``.ply`` of each region, and ``<case_id>.glb`` of all.

    Args:
        folder: Where; it exists.
        case_id: The hip.
        surfaces: In mm, LPS.

    Returns:
        The files.
    """
    contents: dict[str, bytes] = {}
    for region, mesh in surfaces.items():
        contents[f"{case_id}_{region}.stl"] = _stl(mesh)
        contents[f"{case_id}_{region}.ply"] = _ply(mesh, region)
    contents[f"{case_id}.glb"] = _glb(surfaces)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


def _stl(mesh: Trimesh) -> bytes:
    """Binary STL, whose first 80 bytes are free text."""
    from trimesh.exchange.stl import export_stl

    content: bytes = SPACE.encode().ljust(_STL_HEADER_BYTES) + export_stl(mesh)[_STL_HEADER_BYTES:]
    return content


def _ply(mesh: Trimesh, region: Region) -> bytes:
    """Binary PLY with colours, and a comment in its header."""
    from trimesh.exchange.ply import export_ply

    coloured = mesh.copy()
    coloured.visual.vertex_colors = (*COLOUR[region], 255)
    first, rest = export_ply(coloured).split(b"\ncomment ", 1)
    return b"\n".join((first, f"comment {SPACE}".encode(), b"comment " + rest))


def _glb(surfaces: Mapping[Region, Trimesh]) -> bytes:
    from trimesh import Scene
    from trimesh.exchange.gltf import export_glb
    from trimesh.visual import TextureVisuals
    from trimesh.visual.material import PBRMaterial

    scene = Scene()
    for region, mesh in surfaces.items():
        seen = mesh.copy()
        colour = (*COLOUR[region], _OPACITY[region])
        mode = "OPAQUE" if colour[-1] == 255 else "BLEND"
        material = PBRMaterial(name=NAME[region], baseColorFactor=colour, alphaMode=mode, metallicFactor=0.0)
        seen.visual = TextureVisuals(material=material)
        scene.add_geometry(seen, node_name=NAME[region], geom_name=NAME[region])

    def state_space(tree: dict[str, Any]) -> None:
        tree["asset"]["extras"] = {"space": "LPS", "unit": "mm"}

    content: bytes = export_glb(scene, include_normals=True, tree_postprocessor=state_space)
    return content
