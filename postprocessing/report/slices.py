"""Picture of one hip: an axial, a coronal and a sagittal slice through the lesion or the head.

The planes are the scan's own, turned to the patient's nearest axes; no voxel is resampled. Radiological display: the
patient's right on the viewer's left, head up, and in the axial plane front up.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from onfh_nnunet.core.errors import LabelError
from onfh_nnunet.core.grid import FloatArray, Index, same_grid
from onfh_nnunet.core.hip_crop import HipCrop
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.labels import BoolArray, Region
from onfh_nnunet.core.no_telemetry import import_matplotlib
from onfh_nnunet.core.printable import on_one_line
from onfh_nnunet.core.volume import Volume

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FIELD_MM = 96.0
"""Edge of the square that each plane shows, around the middle of the head: every hip at one scale."""

GREY_WINDOW_PERCENT = (1, 99)
"""Percentiles of the shown cube that become black and white; a few bright vessels do not darken the bone."""

COLOURS = {Region.HEAD: "#56B4E9", Region.NECROSIS: "#E69F00"}
"""Sky blue and orange of Okabe and Ito's colour-blind safe palette; in grey, the thicker line is the necrosis."""

WIDTHS_PT = {Region.HEAD: 1.1, Region.NECROSIS: 2.2}
REFERENCE = "reference"
"""The name of the mask that is drawn in white dashes, over the solid lines of the others."""

PANEL_INCH = 3.0
DOTS_PER_INCH = 130


Letters = tuple[str, str, str, str]


@dataclass(frozen=True)
class AnatomicalPlane:
    """An anatomical plane.

    Args:
        name: Its name.
        across: The anatomical array axis (z, y, x: to the head, back, left) that it is a slice of.
        letters: What lies at the viewer's left, right, top and bottom.
    """

    name: str
    across: int
    letters: Letters


PLANES = (
    AnatomicalPlane("axial", 0, ("R", "L", "A", "P")),
    AnatomicalPlane("coronal", 1, ("R", "L", "H", "F")),
    AnatomicalPlane("sagittal", 2, ("A", "P", "H", "F")),
)


def hip_png(image: Volume, masks: Mapping[str, Volume], title: str) -> bytes:
    """Draw a hip; all hips have one size and one scale.

    Args:
        image: Intensities of a scan or a part of it, in any plane of acquisition.
        masks: Label maps 0, 1, 2 on the image's grid, by name, such as `REFERENCE`; the first that holds a head says
            where the picture lies, the first that holds a necrosis what it goes through.
        title: The hip, written in the corner and named in messages.

    Returns:
        A PNG of three planes side by side.

    Raises:
        GridMismatch: A mask lies on another grid than the image.
        LabelError: No mask holds a head.
    """
    import_matplotlib()
    from matplotlib.figure import Figure

    view = HipView.of(image, masks, title)
    figure = Figure(figsize=(len(PLANES) * PANEL_INCH, PANEL_INCH), dpi=DOTS_PER_INCH, facecolor="black")
    for number, plane in enumerate(PLANES):
        axes = figure.add_axes((number / len(PLANES), 0, 1 / len(PLANES), 1))
        draw_plane(axes, plane, view)
        write_text(
            axes,
            (0.02, 0.98),
            "left",
            "top",
            f"{on_one_line(title)}\n{plane.name}" if number == 0 else f"\n{plane.name}",
        )
    png = io.BytesIO()
    figure.savefig(png, format="png", facecolor="black", metadata={"Software": None})
    return png.getvalue()


@dataclass(frozen=True, eq=False)
class HipView:
    """A hip in anatomical axes: image, masks, centre in mm (z, y, x) from the first voxel, and the voxel shown."""

    image: Volume
    masks: Mapping[str, Volume]
    middle_mm: FloatArray
    through: Index

    @classmethod
    def of(cls, image: Volume, masks: Mapping[str, Volume], title: str) -> HipView:
        """The view of `hip_png`, with the same arguments and errors."""
        for mask in masks.values():
            same_grid(title, mask.grid, image.grid)
        with_head = [mask for mask in masks.values() if mask.array.any()]
        if not with_head:
            raise LabelError(title, "holds no femoral head (labels 1 and 2)", "Check the segmentation")
        head = HipMask(with_head[0]).head.grid
        centre_mm = head.to_mm((np.array(head.size) - 1) / 2)
        margin_mm = 2 * max(image.grid.spacing_mm)  # the outermost voxels are shown in part
        crop = HipCrop.around(image.grid, centre_mm, mirrored=False, box_mm=FIELD_MM + margin_mm)
        shown = {name: crop.extract(mask) for name, mask in masks.items()}
        middle_mm = crop.grid.to_index(centre_mm) * np.array(crop.grid.spacing_mm)
        return cls(crop.extract(image), shown, middle_mm, _most_telling(list(shown.values())))

    def extent_mm(self, plane: AnatomicalPlane, margin: int = 0) -> tuple[float, float, float, float]:
        """Outer edges of a plane's voxels from the centre: first and last column, first and last row."""
        spacing, size = np.array(self.image.grid.spacing_mm), np.array(self.image.grid.size)
        first = -(0.5 + margin) * spacing - self.middle_mm
        last = first + (size + 2 * margin) * spacing
        row, column = (axis for axis in range(3) if axis != plane.across)
        return float(first[column]), float(last[column]), float(first[row]), float(last[row])


def _most_telling(masks: list[Volume]) -> Index:
    """The voxel of the necrosis, else of the head, that is closest to its centroid; it works for a bent lesion."""
    found = (np.argwhere(region.mask(mask.array)) for region in reversed(Region) for mask in masks)
    voxels = next(each for each in found if len(each))
    apart = (voxels - voxels.mean(axis=0)) * np.array(masks[0].grid.spacing_mm)
    z, y, x = (int(i) for i in voxels[np.linalg.norm(apart, axis=1).argmin()])
    return z, y, x


def draw_plane(axes: Axes, plane: AnatomicalPlane, view: HipView, letter_size: float = 9) -> None:
    """Draw one plane with its contours and letters into axes of its own."""
    half = FIELD_MM / 2
    image, index = view.image.array, view.through[plane.across]
    black, white = np.percentile(image, GREY_WINDOW_PERCENT)
    grey: Any = {"cmap": "gray", "vmin": black, "vmax": white, "interpolation": "bilinear"}
    axes.imshow(np.take(image, index, plane.across), origin="lower", extent=view.extent_mm(plane), **grey)
    for name, mask in view.masks.items():
        for region in Region:
            slab = np.pad(np.take(region.mask(mask.array), index, plane.across), 1)  # contours close at the border
            if slab.any():
                _contour(axes, slab, view.extent_mm(plane, margin=1), _line(name, region))
    axes.set_axis_off()
    axes.set_xlim(-half, half)
    axes.set_ylim(*((half, -half) if plane.name == "axial" else (-half, half)))
    _letters(axes, plane.letters, letter_size)


def _line(name: str, region: Region) -> dict[str, Any]:
    if name == REFERENCE:
        return {"colors": "white", "linewidths": 0.8, "linestyles": "dashed"}
    return {"colors": COLOURS[region], "linewidths": WIDTHS_PT[region], "linestyles": "solid"}


def _contour(axes: Axes, slab: BoolArray, extent: tuple[float, float, float, float], line: dict[str, Any]) -> None:
    from matplotlib.patheffects import withStroke

    drawn = axes.contour(slab, [0.5], origin="lower", extent=extent, **line)
    drawn.set(path_effects=[withStroke(linewidth=line["linewidths"] + 1.2, foreground="black")])  # seen on white too


def _letters(axes: Axes, letters: Letters, size: float) -> None:
    left, right, top, bottom = letters
    write_text(axes, (0.02, 0.5), "left", "center", left, size)
    write_text(axes, (0.98, 0.5), "right", "center", right, size)
    write_text(axes, (0.5, 0.98), "center", "top", top, size)
    write_text(axes, (0.5, 0.02), "center", "bottom", bottom, size)


def write_text(
    axes: Axes, place: tuple[float, float], horizontal: Any, vertical: Any, text: str, size: float = 9
) -> None:
    """Write white text with a black rim at a place of an axes, in parts of its width and height."""
    from matplotlib.patheffects import withStroke

    written = axes.text(
        *place, text, ha=horizontal, va=vertical, color="white", fontsize=size, transform=axes.transAxes
    )
    written.set_parse_math(False)
    written.set_path_effects([withStroke(linewidth=2, foreground="black")])
