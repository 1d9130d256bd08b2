"""A table of stacks of MR images, for a person who shall choose one."""

from __future__ import annotations

from collections.abc import Sequence

from dataset_conversion.readers.parts import Part, echo_ms, number_of, plane_of
from onfh_nnunet.core.printable import on_one_line

Row = tuple[str, ...]

_TITLES: Row = ("number", "description", "part", "plane", "spacing mm", "weighting", "slices", "UID")

_T1_MOST_TR_MS, _T2_LEAST_TE_MS, _PD_LEAST_TR_MS = 1000.0, 60.0, 1500.0
"""Spin echoes of a short repetition are T1-weighted, of a long echo T2-weighted, of neither proton-density-weighted."""


def row_of(number: str, description: str, uid: str, part: Part) -> Row:
    """A row on a stack; of one that cannot be read, what is known."""
    start = (number, on_one_line(description), str(part))
    if not part.frames:
        return (*start, "", "", "cannot be read", "", uid)
    first = part.frames[0]
    spacing = " x ".join(f"{value:.2f}" for value in first.spacing_mm)
    return (*start, plane_of(first), spacing, weighting(part), str(len(part.frames)), uid)


def weighting(part: Part) -> str:
    """Repetition and echo time in ms, and of spin echoes what they weight."""
    first = part.frames[0]
    repetition, echo = number_of(first, "RepetitionTime"), echo_ms(first)
    times = [f"{name} {value:g}" for name, value in (("TR", repetition), ("TE", echo)) if value is not None]
    is_spin_echo = "SE" in str(first.header.get("ScanningSequence") or "")
    if is_spin_echo and repetition is not None and echo is not None:
        if echo >= _T2_LEAST_TE_MS:
            times.insert(0, "T2")
        elif repetition <= _T1_MOST_TR_MS:
            times.insert(0, "T1")
        elif repetition >= _PD_LEAST_TR_MS:
            times.insert(0, "PD")
    return ", ".join(times)


def table(rows: Sequence[Row]) -> str:
    """Rows under their titles, a line each; columns that are empty in all rows are left out."""
    columns = [column for column in zip(_TITLES, *rows, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in columns]
    lines = zip(*columns, strict=True)
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(f"  {line}".rstrip() for line in padded)
