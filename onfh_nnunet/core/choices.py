"""Enumerations of the choices that parameters and options offer, and their defaults.

No library is imported here, so that the command line knows its options at once.
"""

from __future__ import annotations

import os
from enum import StrEnum
from typing import TypeVar

from onfh_nnunet.core.errors import OnfhError

AnyPath = str | os.PathLike[str]
"""A file or a folder, as a user of the library names it."""

DEFAULT_WORK = "work"
"""The folder of a study."""

DEFAULT_DATASET_ID = 711
"""nnU-Net's number of a study's dataset."""

BUNDLED = "bundled"
"""The model in the package, where a model file is asked for."""

UNSTATED = "not stated: ask who made the model"
"""The licence of a model whose maker names none."""


class PresetName(StrEnum):
    """The presets for planning and training with nnU-Net; see `onfh_nnunet.study.preset`."""

    PAPER = "paper"
    RESENC = "resenc"
    LAPTOP = "laptop"
    QUICK = "quick"


class EngineName(StrEnum):
    """The inference engines."""

    AUTO = "auto"
    TORCH = "torch"
    OPENVINO = "openvino"


class JicTies(StrEnum):
    """The type of a lesion of exactly one or two thirds: the published texts differ.

    The criteria of the Japanese ministry have B from one third on and C from two thirds on; the English text of 2001
    has A up to one third and B up to two thirds, both included.
    """

    MINISTRY = "ministry"
    ENGLISH_2001 = "english-2001"


class PhantomForm(StrEnum):
    """The format of synthetic images; label maps are always NIfTI."""

    DICOM = "dicom"
    NIFTI = "nifti"


class Weighting(StrEnum):
    """What a scan shows of a lesion.

    With T1 or proton density a dark band in bright marrow, with T2 a bright line within that band, with suppressed fat
    a bright rim in dark marrow.
    """

    T1 = "t1"
    T2 = "t2"
    FAT_SUPPRESSED = "fat-suppressed"


class Vendor(StrEnum):
    """The scanner vendor whose headers and files a synthetic scan imitates."""

    NEUTRAL = "neutral"
    SIEMENS = "siemens"
    GE = "ge"
    PHILIPS = "philips"


class Plane(StrEnum):
    """The plane of the slices, each shown with the patient's right on the left, or with the front on the left."""

    CORONAL = "coronal"
    AXIAL = "axial"
    SAGITTAL = "sagittal"
    OBLIQUE = "oblique"


Choice = TypeVar("Choice", bound=StrEnum)


def chosen(kind: type[Choice], value: str, parameter: str) -> Choice:
    """Convert a name to a member of an enumeration.

    Args:
        kind: The choices.
        value: One of them, or its name.
        parameter: Which parameter it is of, for the message.

    Raises:
        OnfhError: There is none of that name.
    """
    try:
        return kind(value)
    except ValueError:
        problem = f"is unknown, expected one of {', '.join(kind)}"
        raise OnfhError(f"`{parameter}` {value!r}", problem, "Name one of these") from None
