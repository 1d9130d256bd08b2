"""Pictures of one predicted hip: the slice that tells most, the whole scan beside it, and all voxels to scroll.

All are WebP or PNG of stored greys. The first two are drawn here; the page draws the planes from the voxels.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.grid import Index, Triple, same_grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_crop import HipCrop
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.labels import Region
from onfh_nnunet.core.no_telemetry import import_matplotlib
from onfh_nnunet.core.volume import Volume
from postprocessing.report.slices import (
    COLOURS,
    GREY_WINDOW_PERCENT,
    PLANES,
    AnatomicalPlane,
    HipView,
    draw_plane,
    hip_png,
    write_text,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CORONAL = PLANES[1]
SHARPER_THAN = 1.5
"""Voxels are taken to have no thick axis where the longest edge is below this many times the shortest."""

QUALITY = 88
"""Of WebP: an MR slice keeps its noise, at a tenth of its size."""

THUMBNAIL = 96
"""Edge of the small picture, in pixels."""

LABEL_STEP = 100
"""Grey of label 1 in the PNG of labels; label 2 is twice as bright."""

NARROWEST, WIDEST = 0.25, 2.2
"""Width over height of the picture of the whole scan."""


@dataclass(frozen=True, eq=False)
class Voxels:
    """The voxels of a hip as two pictures of tiles: slice z is tile z, row by row.

    Args:
        greys: WebP of the scan.
        labels: PNG of the labels, `LABEL_STEP` apart.
        size: Voxels (z, y, x) to head, back and left.
        spacing_mm: Their edges.
        columns: Tiles in a row.
        start: The voxel to begin with.
        black: The grey that is shown black at first.
        white: The grey that is shown white at first.
        label_step: Between the greys of two labels.
    """

    greys: bytes
    labels: bytes
    size: Index
    spacing_mm: Triple
    columns: int
    start: Index
    black: int
    white: int
    label_step: int = LABEL_STEP


@dataclass(frozen=True, eq=False)
class HipPictures:
    """The pictures of a hip.

    Args:
        telling: WebP of the slice that shows most of the necrosis, or of the head where there is none.
        plane: Its plane.
        thumbnail: The same, small.
        whole: WebP of the coronal slice of the whole scan, the head marked with its side.
        voxels: What can be scrolled.
    """

    telling: bytes
    plane: str
    thumbnail: bytes
    whole: bytes
    voxels: Voxels


def hip_pictures(hip: Volume, whole: Volume, mask: Volume, side: Side, title: str) -> HipPictures:
    """Draw a hip.

    Args:
        hip: A box of the scan around the head, uint8, in anatomical axes.
        whole: The coronal slice of the scan (z, 1, x), uint8, in anatomical axes.
        mask: The hip's label map on the grid of the scan.
        side: The hip's side.
        title: The hip, for messages.

    Raises:
        GridMismatch: The box is none of the mask's scan.
        LabelError: The mask holds no head.
    """
    import_matplotlib()
    labels = box_like(hip, mask, title).extract(mask)
    view = HipView.of(hip, {"prediction": labels}, title)
    plane, index = telling_slice(view.masks["prediction"])
    telling = _telling(replace(view, through=(index, index, index)), plane)
    return HipPictures(
        _webp(telling),
        plane.name,
        _webp(telling, THUMBNAIL),
        _webp(_whole(whole, mask, side)),
        _voxels(hip, labels),
    )


def hip_webp(image: Volume, masks: Mapping[str, Volume], title: str) -> bytes:
    """The picture of `hip_png`, with the same arguments and errors, as WebP."""
    from PIL import Image

    return _webp(np.asarray(Image.open(io.BytesIO(hip_png(image, masks, title))).convert("RGB")))


def box_like(part: Volume, mask: Volume, title: str) -> HipCrop:
    """The box of a mask's grid that a part of its scan is of, both in anatomical axes; `extract` checks nothing more.

    Raises:
        GridMismatch: It is of another scan.
    """
    everything = HipCrop.whole(mask.grid)
    start = np.rint(everything.grid.to_index(np.array(part.grid.origin_mm)))
    size = np.minimum(part.grid.size, everything.size)
    crop = replace(everything, start=_index(np.clip(start, 0, everything.size - size)), size=_index(size))
    same_grid(title, part.grid, crop.grid)
    return crop


def telling_slice(labels: Volume) -> tuple[AnatomicalPlane, int]:
    """The slice with most necrosis, or most head without any: of the plane of acquisition, coronal where there is none.

    The plane of acquisition lies across the longest edge of the voxels: its slices are the sharp ones.
    """
    spacing = labels.grid.spacing_mm
    thick = max(spacing) >= SHARPER_THAN * min(spacing)
    plane = PLANES[int(np.argmax(spacing))] if thick else CORONAL
    counts = [np.count_nonzero(part.mask(labels.array), axis=_others(plane)) for part in (Region.NECROSIS, Region.HEAD)]
    count = counts[0] if counts[0].any() else counts[1]
    return plane, int(np.argmax(count))


def _others(plane: AnatomicalPlane) -> tuple[int, ...]:
    return tuple(axis for axis in range(3) if axis != plane.across)


def _start(labels: Volume) -> Index:
    """Where the planes begin: in the slice that tells most, at the middle of what it shows."""
    plane, index = telling_slice(labels)
    shown = np.take(labels.array, index, plane.across)
    region = shown == shown.max()
    middle = [*np.median(np.argwhere(region), axis=0)]
    middle.insert(plane.across, index)
    return _index(middle)


def _telling(view: HipView, plane: AnatomicalPlane) -> NDArray[np.uint8]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 4), dpi=130, facecolor="black")
    axes = figure.add_axes((0, 0, 1, 1))
    draw_plane(axes, plane, view, 13)
    write_text(axes, (0.02, 0.98), "left", "top", plane.name, 13)
    axes.plot((-44, -24), (44, 44) if plane.name == "axial" else (-44, -44), color="white", linewidth=2.5)
    write_text(axes, (0.05, 0.05), "left", "bottom", "20 mm", 13)
    return _pixels(figure)


def _whole(whole: Volume, mask: Volume, side: Side) -> NDArray[np.uint8]:
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    array, spacing = whole.array[:, 0, :], np.array(whole.grid.spacing_mm)
    height, width = array.shape[0] * spacing[0], array.shape[1] * spacing[2]
    figure = Figure(figsize=(4 * min(max(width / height, NARROWEST), WIDEST), 4), dpi=110, facecolor="black")
    axes = figure.add_axes((0, 0, 1, 1))
    black, white = np.percentile(array, GREY_WINDOW_PERCENT)
    shown: Any = {"cmap": "gray", "vmin": black, "vmax": white, "interpolation": "bilinear", "origin": "lower"}
    axes.imshow(array, extent=(0, width, 0, height), **shown)
    head = HipMask(mask).head.grid
    corners = (whole.grid.to_index(head.corners_mm()) + 0.5) * spacing
    low, high = corners.min(axis=0), corners.max(axis=0)
    frame = Rectangle((low[2], low[0]), high[2] - low[2], high[0] - low[0], fill=False)
    frame.set(edgecolor=COLOURS[Region.NECROSIS], linewidth=2.5)
    axes.add_patch(frame)
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    write_text(axes, (0.03, 0.97), "left", "top", "R", 22)
    write_text(axes, (0.97, 0.97), "right", "top", "L", 22)
    middle = float((low[2] + high[2]) / 2 / width), float(high[0] / height)
    write_text(axes, middle, "center", "bottom", "right hip" if side is Side.RIGHT else "left hip", 17)
    return _pixels(figure)


def _pixels(figure: Figure) -> NDArray[np.uint8]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = FigureCanvasAgg(figure)  # matplotlib does not type it
    canvas.draw()
    pixels: NDArray[np.uint8] = np.asarray(canvas.buffer_rgba())[..., :3]
    return pixels


def _webp(pixels: NDArray[np.uint8], edge: int | None = None, **options: Any) -> bytes:
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(pixels))
    if edge is not None:
        width, height = image.size
        middle = (width // 5, height // 5, width - width // 5, height - height // 5)  # the head
        image = image.crop(middle).resize((edge, edge))
    file = io.BytesIO()
    image.save(file, "WEBP", quality=QUALITY, method=4, **options)
    return file.getvalue()


def _voxels(hip: Volume, labels: Volume) -> Voxels:
    from PIL import Image

    columns = int(np.ceil(np.sqrt(hip.grid.size[0])))
    png = io.BytesIO()
    Image.fromarray(tiles(labels.array.astype(np.uint8) * LABEL_STEP, columns)).save(png, "PNG", optimize=True)
    black, white = (round(float(one)) for one in np.percentile(hip.array, GREY_WINDOW_PERCENT))
    greys = _webp(tiles(hip.array, columns))
    return Voxels(
        greys, png.getvalue(), hip.grid.size, hip.grid.spacing_mm, columns, _start(labels), black, max(white, black + 1)
    )


def tiles(array: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """The slices (z, y, x) of a volume as tiles of one picture, row by row; what is left over is black."""
    depth, height, width = array.shape
    rows = -(-depth // columns)
    padded = np.zeros((rows * columns, height, width), np.uint8)
    padded[:depth] = array
    picture: NDArray[np.uint8] = padded.reshape(rows, columns, height, width).swapaxes(1, 2)
    return np.ascontiguousarray(picture.reshape(rows * height, columns * width))


def _index(values: Any) -> Index:
    z, y, x = (int(value) for value in values)
    return z, y, x
