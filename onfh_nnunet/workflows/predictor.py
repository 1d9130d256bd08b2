"""A loaded model that predicts, cleans and grades the hips of a scan, with all safety checks."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dataset_conversion.cohort.table import ScanSide
from onfh_nnunet.core.choices import EngineName
from onfh_nnunet.core.devices import Device, resolve_device
from onfh_nnunet.core.errors import SideError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Hip, Side
from onfh_nnunet.core.printable import on_one_line
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.inference.engine import engine_for
from onfh_nnunet.workflows.calibration import calibrated_intervals
from onfh_nnunet.workflows.predicted_hip import PredictedHip
from onfh_nnunet.workflows.scan_checks import require_hip_scan
from postprocessing.masks.lesion_parts import predicted_hip
from postprocessing.measurement.grade_rows import grade_row
from postprocessing.measurement.grades_table import MissedHip

if TYPE_CHECKING:
    from dataset_conversion.readers import Scan
    from onfh_nnunet.inference.hip_prediction import HipPrediction
    from onfh_nnunet.inference.segmenter import HipSegmenter
    from onfh_nnunet.models.model_file import ModelFile


@dataclass(frozen=True)
class Options:
    """Options of prediction.

    Args:
        side: Only this side; None tells it from the anatomy.
        device: What computes.
        engine: What runs the network.
        folds: Folds to average; None averages all.
        tta: Whether to average over mirror images.
    """

    side: Side | None = None
    device: Device = Device.AUTO
    engine: EngineName = EngineName.AUTO
    folds: tuple[int, ...] | None = None
    tta: bool = False


@dataclass(frozen=True)
class Settings:
    """All settings of a run of `onfh predict`.

    Args:
        model: The model file; None takes the bundled demo model.
        out: The folder for the results.
        side: Only this side; None tells it from the anatomy.
        device: What computes.
        folds: Folds to average; None averages all.
        tta: Whether to average over mirror images.
        engine: What runs the network.
        series: Which DICOM series is meant where there are several.
        batch: Whether each input is a folder whose entries are scans.
        max_memory_gb: What the process may take; None is the memory that the machine has free.
        keep_ids: Whether results are named after the scans' files, instead of by pseudonyms.
        dicom: Whether to write DICOM objects of each scan.
        seg_nrrd: Whether to write a segmentation of 3D Slicer of each scan.
        images: Whether to keep what a report shows of each scan.
    """

    model: Path | None
    out: Path
    side: Side | None
    device: Device
    folds: tuple[int, ...] | None
    tta: bool
    engine: EngineName = EngineName.AUTO
    series: str | None = None
    batch: bool = False
    max_memory_gb: float | None = None
    keep_ids: bool = False
    dicom: bool = False
    seg_nrrd: bool = False
    images: bool = True

    @property
    def options(self) -> Options:
        """The options of prediction."""
        return Options(self.side, self.device, self.engine, self.folds, self.tta)


class Predictor:
    """The networks of a model file, loaded when the first scan needs them, and the checks around them.

    Several threads may call it; the network runs for one at a time.

    Args:
        model_file: The model file.
        options: How scans are read.
        name: Of the model file, for messages.

    Raises:
        ModelError: The model has not the folds that were asked for, or its calibration is an impossible one.
    """

    def __init__(self, model_file: ModelFile, options: Options, name: Path) -> None:
        self._model, self.options = model_file.model.of_folds(options.folds), options
        self._one_at_a_time, self._model_sha256 = threading.Lock(), model_file.sha256
        self.intervals = calibrated_intervals(model_file, name)
        self.caution = on_one_line(model_file.card.said_of_results)

    @property
    def computed_by(self) -> str:
        """The engine; empty before the first scan."""
        return self._segmenter.engine.about if "_segmenter" in self.__dict__ else ""

    def load(self) -> None:
        """Load the networks now and run them once, so that they allocate their memory.

        Raises:
            DeviceError: The device or the engine does not exist.
            ModelError: The weights do not fit the plan.
        """
        edge = int(self._model.hip_box_mm)
        axes = (0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)
        cube = Grid((edge,) * 3, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), axes)
        self._segmenter.probabilities(Volume(np.zeros(cube.size, np.int16), cube))

    def hips(self, scan: Scan, source: object, wanted: ScanSide | Side | None = None) -> list[HipPrediction]:
        """Predict the hips of a scan, right before left.

        Args:
            scan: The scan.
            source: Its name, for messages.
            wanted: The side that is meant in this scan, ``B`` for both; none for the side of the options.

        Raises:
            ReadError: The image cannot be an MR scan: it is constant, or a label map.
            GeometryError: Its voxels or edges are of a size that no scan of a hip has.
            HipNotFound: There is none, or none of the wanted side.
            SideError: The side is unknown, or contradicts the anatomy or the header.
        """
        from onfh_nnunet.inference.hip_prediction import predict_hips

        require_hip_scan(scan.volume, source)
        asked = wanted or self.options.side
        side = Side(asked) if asked in tuple(Side) else None
        with self._one_at_a_time:
            hips = predict_hips(scan.volume, self._segmenter, side, source)
        hips = agreeing_with_header(hips, scan.laterality, asked, source)
        return both(hips) if wanted == "B" else hips

    def graded(self, case_id: str, source: str, prediction: HipPrediction) -> PredictedHip:
        """Clean, measure and grade a hip; the model's caution is added to its warnings."""
        hip = predicted_hip(prediction.mask(), case_id, prediction.side)
        traits = prediction.traits
        interval, why_none = self.intervals.interval(hip, traits) if self.intervals else (None, "")
        warnings = (*filter(None, (self.caution, why_none)), *prediction.warnings)
        row = grade_row(case_id, source, hip, warnings, interval, traits)
        other = prediction.side.other
        beside = replace(Hip.parse(case_id), side=other).case_id
        missed = MissedHip(beside, source, other, prediction.other_missed)
        return PredictedHip(row, hip.labels, (missed,) if prediction.other_missed else (), self._model_sha256)

    @cached_property
    def _segmenter(self) -> HipSegmenter:
        from onfh_nnunet.inference.segmenter import HipSegmenter

        engine = engine_for(self._model, resolve_device(self.options.device), self.options.engine)
        return HipSegmenter(self._model, engine, tta=self.options.tta)


def both(hips: list[HipPrediction]) -> list[HipPrediction]:
    """The hips of a scan of which both were asked for; a single one says that the other was missed."""
    if len(hips) == 2 or hips[0].other_missed:
        return hips
    (hip,) = hips
    missed = f"both hips were asked for, and no femoral head was found on side {hip.side.other}"
    return [replace(hip, warnings=(*hip.warnings, missed), other_missed=missed)]


def agreeing_with_header(
    hips: list[HipPrediction], stated: Side | None, asked: ScanSide | Side | None, source: object
) -> list[HipPrediction]:
    """The hips; with a warning each where the header states another side than was asked for.

    Args:
        hips: Of a scan.
        stated: The side that the scan's header states; None where it states no single side.
        asked: The only side to read, ``B`` for both; None where it is told from the anatomy.
        source: The scan's name, for messages.

    Raises:
        SideError: The hips are not those of the stated side, and no side was asked for.
    """
    sides = [hip.side for hip in hips]
    if stated is None or sides == [stated]:
        return hips
    if asked is None:
        shown = "both hips" if len(sides) == 2 else f"the hip of side {sides[0]}"
        problem = f"shows {shown}, and its DICOM header says side {stated} (Laterality, which is often left set)"
        remedy = "Find out which is right, and give `side` L or R to onfh predict: that hip is read in any case"
        raise SideError(source, problem, remedy)
    warning = f"the DICOM header says side {stated} (Laterality); read as {asked}, as asked"
    return [replace(hip, warnings=(*hip.warnings, warning)) for hip in hips]
