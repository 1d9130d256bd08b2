"""What a reader returns."""

from __future__ import annotations

from dataclasses import dataclass

from onfh_nnunet.hip import Side
from onfh_nnunet.volume import Volume


@dataclass(frozen=True)
class Scan:
    """A scan and the side that its header states; none where it states no single side."""

    volume: Volume
    laterality: Side | None = None
