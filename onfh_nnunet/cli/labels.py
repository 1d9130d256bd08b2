"""What the options say about a cohort's labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataset_conversion.labels.label_map import LabelRules


def label_rules(head: str, necrosis: str, names: Path | None, *, resample: bool) -> LabelRules:
    """The rules of a cohort's labels.

    Raises:
        ReadError: The file of names is none of ITK-SNAP's.
    """
    from dataset_conversion.labels.label_map import LabelRules
    from dataset_conversion.readers.itksnap import read_names

    return LabelRules(head, necrosis, names=read_names(names) if names else None, resample=resample)
