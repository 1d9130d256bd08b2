"""The classes of objects that are fetched by DIMSE (DICOM PS3.4, B.5), and their transfer syntaxes.

A server sends an object as it is stored where that transfer syntax is accepted, and otherwise may refuse to.
"""

from __future__ import annotations

_PLAIN = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")
_COMPRESSED = tuple(
    f"1.2.840.10008.1.2.{rest}"
    for rest in ("2", "5", "4.50", "4.51", "4.57", "4.70", "4.80", "4.81", "4.90", "4.91", "4.201", "4.202")
)
"""Big endian, RLE, JPEG, JPEG-LS, JPEG 2000, HTJ2K."""

_MR = ("4", "4.1", "4.4")
"""MR Image, Enhanced MR Image, Legacy Converted Enhanced MR Image."""

_OTHERS = ("7", "11.1", "66.4", "88.11", "88.22", "88.33", "88.34", "104.1")
"""Secondary Capture, Grayscale Softcopy Presentation State, Segmentation, four kinds of SR, Encapsulated PDF."""

_STORAGE = "1.2.840.10008.5.1.4.1.1."

STORAGE: dict[str, tuple[str, ...]] = {
    **{f"{_STORAGE}{kind}": (*_PLAIN, *_COMPRESSED) for kind in _MR},
    **{f"{_STORAGE}{kind}": _PLAIN for kind in _OTHERS},
}
