"""Prediction: segment, measure and grade the hips of scans, in memory or into a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union

from onfh_nnunet.core.choices import EngineName
from onfh_nnunet.core.devices import Device
from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.hip import Hip, Side
from onfh_nnunet.core.parallel import all_or_none
from onfh_nnunet.core.printable import plural
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.workflows.predicted_hip import PredictedHip
from onfh_nnunet.workflows.predictor import Options, Predictor, Settings
from onfh_nnunet.workflows.prefetch import FATAL

if TYPE_CHECKING:
    from dataset_conversion.cohort.scan_input import ScanInput
    from dataset_conversion.cohort.scan_name import ScanName
    from dataset_conversion.readers import Scan
    from onfh_nnunet.models.model_file import ModelFile
    from postprocessing.measurement.grade_rows import GradeRow
    from postprocessing.measurement.grades_table import MissedHip

Result = TypeVar("Result")
Option = TypeVar("Option", bound=StrEnum)


Scans = Union[str, "os.PathLike[str]", "Scan", Iterable[Union[str, "os.PathLike[str]", "Scan"]]]
"""One scan or many: a DICOM folder, tree or zip archive, an image file, a table of them, or a `Scan`."""


def predict(
    scans: Scans,
    model: str | os.PathLike[str] | ModelFile | None = None,
    *,
    side: Side | str | None = None,
    device: Device | str = Device.AUTO,
    engine: EngineName | str = EngineName.AUTO,
    fold: int | Iterable[int] | Literal["all"] = "all",
    tta: bool = False,
    series: str | None = None,
    out: str | os.PathLike[str] | None = None,
    progress: Progress = silent,
) -> list[PredictedHip]:
    """Segment, measure and grade every hip of one scan or of many.

    Nothing is written unless `out` is given; then masks and tables are written as by ``onfh predict``, and a second
    call leaves alone what is done. Scans are named P001, P002 and so on, in their order; those of one patient in a
    table get one number and the visit (``P001+2_R``).

    Args:
        scans: One scan or many; each a DICOM folder, tree or zip archive, an image file, or a `Scan` of `read_scan`. A
            table (``cohort.csv``) lists scans: the column image and, as needed, patient_id, side, series and visit.
        model: A model file or what `load_model` returned; default: the bundled demo model.
        side: Only this side, ``L`` or ``R``; default: decided from the anatomy and the patient's axes.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.
        engine: ``auto``, ``torch`` or ``openvino``.
        fold: The number of one fold or of several, whose mean is taken; or all.
        tta: Whether to average over mirror images: slower.
        series: Description or UID of the DICOM series that is meant, where there are several.
        out: A folder for the results.
        progress: Called after each scan.

    Returns:
        The hips, in the order of the scans, the right one of a scan first. A hip that a scan shows and that was missed
        is no such hip: it is in `missed` of the other one, with the reason.

    Raises:
        OnfhError: A scan, the model, the device or `out` cannot be used. Of several scans all that fail are named.

    Example:
        ```python
        import onfh_nnunet as onfh

        for hip in onfh.predict("scans/0001"):
            print(hip.side, hip.grade, hip.necrosis_percent, hip.interval, hip.warnings)
            hip.mask.write(f"{hip.case_id}.nii.gz")
        ```
    """
    given = [scans] if isinstance(scans, str | os.PathLike) or not isinstance(scans, Iterable) else list(scans)
    options = Options(
        None if side is None else _one_of(Side, side, "side"),
        _one_of(Device, device, "device"),
        _one_of(EngineName, engine, "engine"),
        None if fold == "all" else (fold,) if isinstance(fold, int) else tuple(fold),
        tta,
    )
    if out is not None:
        return _into_folder(given, model, options, series, Path(out), progress)
    predictor = _predictor(model, options)
    outcomes: list[list[PredictedHip] | OnfhError] = []
    listed = [scan for one in given for scan in _listed(one)]
    for number, (name, one) in enumerate(_named(listed), start=1):
        outcomes.append(_attempt(partial(_hips, predictor, one, name, series)))
        progress(str(name), number, len(listed))
    return [hip for hips in all_or_none(outcomes) for hip in hips]


def _named(listed: Sequence[ScanInput | Scan]) -> list[tuple[ScanName, ScanInput | Scan]]:
    """Each scan with its pseudonym; scans of one patient in a table share the number."""
    from dataset_conversion.cohort.pseudonyms import scan_pseudonyms
    from dataset_conversion.cohort.scan_input import ScanInput
    from dataset_conversion.cohort.scan_name import pseudonym_of
    from dataset_conversion.readers.scan import Scan

    inputs = [ScanInput(Path(f"scan {number}")) if isinstance(one, Scan) else one for number, one in enumerate(listed)]
    rows = scan_pseudonyms(inputs, (), lambda _path: "")
    return [(pseudonym_of(row.patient), one) for row, one in zip(rows, listed, strict=True)]


def _listed(given: str | os.PathLike[str] | Scan) -> Sequence[ScanInput | Scan]:
    from dataset_conversion.readers.scan import Scan
    from onfh_nnunet.workflows.scan_inputs import scans_of

    return [given] if isinstance(given, Scan) else scans_of(Path(given))


def _hips(predictor: Predictor, given: ScanInput | Scan, name: ScanName, series: str | None) -> list[PredictedHip]:
    from dataset_conversion.readers import read_scan
    from dataset_conversion.readers.scan import Scan

    if isinstance(given, Scan):
        scan, source, side = given, str(name), None
    else:
        scan, source, side = read_scan(given.path, given.series or series), str(given.path), given.side
    found = predictor.hips(scan, source, side)
    return [predictor.graded(Hip(name.patient, one.side, name.visit).case_id, source, one) for one in found]


def _attempt(work: Callable[[], Result]) -> Result | OnfhError:
    """The result or the error of one scan, so that other scans continue; errors that concern all scans are raised."""
    try:
        return work()
    except FATAL:
        raise
    except OnfhError as error:
        return error


def _predictor(model: str | os.PathLike[str] | ModelFile | None, options: Options) -> Predictor:
    """The networks of a model, cached for the next call because they take seconds to load."""
    from onfh_nnunet.models.model_file import BUNDLED_MODEL, ModelFile

    path = Path("model") if isinstance(model, ModelFile) else Path(model or BUNDLED_MODEL)
    model_file = model if isinstance(model, ModelFile) else ModelFile.read(path)
    asked = (model_file.sha256, options)
    predictor = _LAST.get(asked)
    if predictor is None:  # another thread may put its own in the place at any moment: what is returned is ours
        predictor = Predictor(model_file, options, path)
        _LAST.clear()
        _LAST[asked] = predictor
    return predictor


_LAST: dict[tuple[str, Options], Predictor] = {}


def _into_folder(
    given: list[Any],
    model: str | os.PathLike[str] | ModelFile | None,
    options: Options,
    series: str | None,
    out: Path,
    progress: Progress,
) -> list[PredictedHip]:
    from onfh_nnunet.models.model_file import BUNDLED_MODEL, ModelFile
    from onfh_nnunet.workflows.predict_folder import predict_scans

    file = BUNDLED_MODEL if model is None else model
    if isinstance(file, ModelFile) or not all(isinstance(one, str | os.PathLike) for one in given):
        problem = "is given with scans or a model in memory, expected files: their content says what was done already"
        raise OnfhError("`out`", problem, "Give paths, or leave out `out`")
    settings = Settings(
        *(Path(file), out, options.side, options.device, options.folds, options.tta, options.engine),
        series=series,
    )
    predicted = predict_scans([Path(one) for one in given], settings, progress)
    if predicted.failed:
        listed = "".join(f"\n  {row.case}: {row.message}" for row in predicted.failed)
        problem = f"lacks {len(predicted.failed)} of {plural(predicted.n_scans, 'scan')}:{listed}\n"
        raise OnfhError(out, problem, "Correct them, and call again: what is done is left alone")
    missed = {Hip.parse(one.case_id): one for one in predicted.missed}
    return [_in_folder(row, out, missed, predicted.model_sha256) for row in predicted.rows]


def _in_folder(row: GradeRow, out: Path, missed: Mapping[Hip, MissedHip], model_sha256: str) -> PredictedHip:
    hip = Hip.parse(row.case_id)
    beside = missed.get(replace(hip, side=hip.side.other))
    return PredictedHip(row, out / f"{row.case_id}.nii.gz", (beside,) if beside else (), model_sha256)


def _one_of(kind: type[Option], value: str, name: str) -> Option:
    try:
        return kind(value)
    except ValueError:
        options = ", ".join(one.value for one in kind)
        raise OnfhError(f"`{name}`", f"is {value!r}, expected one of {options}", "Correct it") from None
