"""An MR series becomes a volume.

Headers and plain pixels are read with pydicom, compressed pixels with GDCM. The grid comes from
ImageOrientationPatient and ImagePositionPatient alone (see `stack`). ITK's own series reader is not used: it merges
several orientations, echoes or b-values of a series into one volume, and bridges a missing slice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from dataset_conversion.readers.frames import Frame
from dataset_conversion.readers.headers import Header
from dataset_conversion.readers.pixels import voxels
from dataset_conversion.readers.scan import Acquisition, Scan
from dataset_conversion.readers.stack import stacked
from onfh_nnunet.core.errors import ReadError, SideError
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.volume import Volume


def read_stack(frames: Sequence[Frame], place: Path, passed_over: tuple[str, ...] = ()) -> Scan:
    """Read the frames of one stack, classic or enhanced.

    Args:
        frames: Of one series, at least one.
        place: For messages.
        passed_over: What lay beside them, a line each.

    Returns:
        The volume, frames sorted along their normal (axes z, y, x: slice, row, column), and what the header says.
        Whole numbers stay integer.

    Raises:
        ReadError: A file is damaged, or the files are not the slices of one MR image.
        GeometryError: The slices are no regular stack.
        SideError: The header states both sides.
    """
    if len(frames) == 1:
        raise ReadError(place, "holds a single image, expected the slices of a 3D scan", "Give a whole series")
    ordered, grid = stacked(place, frames)
    headers = list({id(frame.header): frame.header for frame in frames}.values())
    return Scan(Volume(voxels(ordered), grid), _acquisition(headers, place), passed_over)


def _acquisition(headers: Sequence[Header], place: Path) -> Acquisition:
    first = headers[0]
    return Acquisition(
        study_uid=str(first.get("StudyInstanceUID", "")),
        frame_of_reference=str(first.get("FrameOfReferenceUID", "")) or None,
        laterality=laterality(headers, place),
        technique=_technique(first),
        burned_in=any(header.get("BurnedInAnnotation") == "YES" for header in headers),
    )


def _technique(header: Header) -> str:
    """Classic and enhanced files name the echo in different attributes: GR is GRADIENT, SE is SPIN.

    It stands in tables: what is none of the standard's terms is not repeated.
    """
    echo = header.get("EchoPulseSequence") or header.get("ScanningSequence") or ""
    names = [echo] if isinstance(echo, str) else [str(name) for name in echo]
    echoes = "\\".join(sorted(_ECHOES.get(name, "other") for name in names))
    dimension = str(header.get("MRAcquisitionType") or "")
    return f"{echoes} {dimension if dimension in ('2D', '3D') else ''}"


_ECHOES = {
    **{"": "", "SE": "SE", "IR": "IR", "GR": "GR", "EP": "EP", "RM": "RM"},
    **{"GRADIENT": "GR", "SPIN": "SE", "BOTH": "GR\\SE"},
}
"""The terms of ScanningSequence (0018,0020) and EchoPulseSequence (0018,9008), PS3.3 C.8.3.1 and C.8.13.4."""


def laterality(headers: Sequence[Header], place: Path) -> Side | None:
    """The side of Laterality (0020,0060), ImageLaterality (0020,0062) and FrameLaterality (0020,9072)."""
    stated = {str(value) for header in headers for value in _stated_sides(header)} & set(Side)
    if len(stated) > 1:
        raise SideError(place, "has slices of the left and of the right side in its header", "Correct the header")
    return Side(stated.pop()) if stated else None


def _stated_sides(header: Header) -> Iterator[object]:
    yield from (header.get("Laterality"), header.get("ImageLaterality"))
    for sequence in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for groups in header.get(sequence) or ():
            yield from (anatomy.get("FrameLaterality") for anatomy in groups.get("FrameAnatomySequence") or ())
