"""What a report says of the study that was cross-validated."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StudyStatement:
    """A study, as its folder tells of it; empty where it does not.

    Args:
        cohort: Hips, patients, grades, sides and voxels.
        training: Preset, epochs and versions of its folds.
        start: The weights that they started from.
        pseudonyms: Whether its tables bear pseudonyms.
        caution: Why the tables may not be of the folds that lie there.
    """

    cohort: str
    training: str = ""
    start: str = ""
    pseudonyms: bool = False
    caution: str = ""
