"""Segment the femoral head and its necrosis on MRI, measure them, and grade the extent after Steinberg.

This module is the front door: each verb of the command line is a function of the same name here. It imports nothing
until a name is used.

Example:
    ```python
    import onfh_nnunet as onfh

    for hip in onfh.predict("scans/0001"):
        print(hip.side, hip.grade, hip.necrosis_percent, hip.interval)
    ```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataset_conversion.readers import read_scan as read_scan
    from onfh_nnunet.core.errors import OnfhError as OnfhError
    from onfh_nnunet.core.hip import Side as Side
    from onfh_nnunet.core.volume import Volume as Volume
    from onfh_nnunet.models.model_file import load_model as load_model
    from onfh_nnunet.workflows.agree import agree as agree
    from onfh_nnunet.workflows.compare import compare as compare
    from onfh_nnunet.workflows.convert import convert as convert
    from onfh_nnunet.workflows.crossval import cross_validate as cross_validate
    from onfh_nnunet.workflows.data_frames import to_frame as to_frame
    from onfh_nnunet.workflows.dicom_objects import dicom_objects as dicom_objects
    from onfh_nnunet.workflows.export import export as export
    from onfh_nnunet.workflows.grade import grade as grade
    from onfh_nnunet.workflows.mesh import mesh as mesh
    from onfh_nnunet.workflows.plan import plan as plan
    from onfh_nnunet.workflows.plan_study import plan_study as plan_study
    from onfh_nnunet.workflows.predict import predict as predict
    from onfh_nnunet.workflows.report import report as report
    from onfh_nnunet.workflows.train import train as train

__version__ = "0.1.0"

_HOMES = {
    "OnfhError": "onfh_nnunet.core.errors",
    "Side": "onfh_nnunet.core.hip",
    "Volume": "onfh_nnunet.core.volume",
    "agree": "onfh_nnunet.workflows.agree",
    "compare": "onfh_nnunet.workflows.compare",
    "convert": "onfh_nnunet.workflows.convert",
    "cross_validate": "onfh_nnunet.workflows.crossval",
    "dicom_objects": "onfh_nnunet.workflows.dicom_objects",
    "export": "onfh_nnunet.workflows.export",
    "grade": "onfh_nnunet.workflows.grade",
    "load_model": "onfh_nnunet.models.model_file",
    "mesh": "onfh_nnunet.workflows.mesh",
    "plan": "onfh_nnunet.workflows.plan",
    "plan_study": "onfh_nnunet.workflows.plan_study",
    "predict": "onfh_nnunet.workflows.predict",
    "read_scan": "dataset_conversion.readers",
    "report": "onfh_nnunet.workflows.report",
    "to_frame": "onfh_nnunet.workflows.data_frames",
    "train": "onfh_nnunet.workflows.train",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
