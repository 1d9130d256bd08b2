"""Pipeline of one scan: read it, predict its hips, then clean, measure and write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dataset_conversion.cohort.scan_input import ScanInput
from onfh_nnunet import __version__
from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.provenance import Provenance
from onfh_nnunet.core.run_log import LOG
from onfh_nnunet.core.user_files import append_trace
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.workflows.memory_limit import MemoryLimit
from onfh_nnunet.workflows.model_record import write_statement
from onfh_nnunet.workflows.output_folder import OutputFolder
from onfh_nnunet.workflows.predictor import Predictor, Settings
from onfh_nnunet.workflows.scan_images import HipImages, images_of, lacking_images, remove_images, write_images
from onfh_nnunet.workflows.scan_objects import ScanObjects
from postprocessing.measurement.grades_table import Line, graded_in
from postprocessing.report.model_statement import ModelStatement

if TYPE_CHECKING:
    from dataset_conversion.readers import Scan
    from onfh_nnunet.core.source_series import SourceSeries
    from onfh_nnunet.inference.hip_prediction import HipPrediction

Lines = list[Line]
"""What grades.csv says of a scan."""


@dataclass(frozen=True, eq=False)
class ReadScan:
    """A scan that was read."""

    name: str
    given: ScanInput
    made_from: str
    scan: Scan
    source: SourceSeries | None


@dataclass(frozen=True, eq=False)
class FoundHips:
    """The predicted hips of a scan, without the scan itself, so that its memory is free for the next scan."""

    name: str
    made_from: str
    source: SourceSeries | None
    predictions: Sequence[HipPrediction]
    images: Sequence[HipImages]


class ScanPipeline:
    """The three steps of a scan; what is done already passes the last two as its lines of grades.csv.

    Attributes:
        n_written: How many scans were not done already, and are now.
        passed_over: What lay beside the slices of the scans that were read, a line each.
    """

    def __init__(
        self, predictor: Predictor, results: OutputFolder, settings: Settings, statement: ModelStatement
    ) -> None:
        self._predictor, self._results, self._settings = predictor, results, settings
        self._statement = statement
        self._allowance: MemoryLimit | None = None
        self._objects = ScanObjects(results.folder, results.model_sha256, settings.dicom, settings.seg_nrrd)
        self.n_written = 0
        self.passed_over: list[str] = []
        if settings.max_memory_gb is not None:
            predictor.load()
            self._allowance = MemoryLimit.under(settings.max_memory_gb)

    def read(self, item: tuple[str, ScanInput]) -> ReadScan | Lines:
        """Read the scan; return its stored lines when its inputs are the same, else remove its old results."""
        name, given = item
        try:
            return self._read(name, given)
        except OnfhError as error:
            append_trace(self._results.folder / LOG, name, given.path, error)
            raise

    def _read(self, name: str, given: ScanInput) -> ReadScan | Lines:
        try:
            if given.refusal:
                raise given.refusal
            made_from = self._made_from(given)
        except OnfhError:
            self._results.discard(name)
            raise
        if lines := self._results.kept(name, made_from):
            self._match_images(given, [row.case_id for row in graded_in(lines)])
            self._objects.add_missing(name, given, lines, self._results.mask_file)
            return [replace(line, source=self._results.names.said_of(name)) for line in lines]
        self._results.discard(name)
        source = self._objects.source(given)  # a scan that it refuses is not predicted in vain
        return ReadScan(name, given, made_from, self._scan(given), source)

    def predict(self, read: ReadScan | Lines) -> FoundHips | Lines:
        """Predict the hips of the scan."""
        if isinstance(read, list):
            return read
        hips = self._predictor.hips(read.scan, read.given.path, read.given.side)
        images = images_of(read.scan.volume, hips) if self._settings.images else []
        return FoundHips(read.name, read.made_from, read.source, hips, images)

    def write(self, hips: FoundHips | Lines) -> Lines:
        """Write the masks and their record, and return the lines of the scan."""
        if isinstance(hips, list):
            return hips
        name, names = hips.name, self._results.names
        said = names.said_of(name)
        graded = [self._predictor.graded(names.hip(name, one.side).case_id, said, one) for one in hips.predictions]
        lines = [line for hip in graded for line in hip.lines]
        masks = {hip.case_id: hip.mask for hip in graded}
        self._results.write(name, hips.made_from, masks, lines)
        write_statement(self._results.folder, self._statement)
        if hips.images:
            write_images(self._results.folder, dict(zip(masks, hips.images, strict=True)))
        self._objects.write(name, lines, masks, hips.source)
        self.n_written += 1
        return lines

    def _match_images(self, given: ScanInput, case_ids: list[str]) -> None:
        """Make the images of a finished scan those that are asked for."""
        out = self._results.folder
        if not self._settings.images:
            remove_images(out, case_ids)
        elif lacking_images(out, case_ids):
            scan = self._scan(given).volume
            masks = {case_id: Volume.read(self._results.mask_file(case_id)) for case_id in case_ids}
            write_images(out, {case_id: HipImages.of(scan, mask) for case_id, mask in masks.items()})

    def _scan(self, given: ScanInput) -> Scan:
        from dataset_conversion.readers import read_scan

        (self._allowance or MemoryLimit.of_machine()).require(given.path, given.series)
        scan = read_scan(given.path, given.series)
        self.passed_over += [f"{given.path}: {line}" for line in scan.passed_over]
        return scan

    def _made_from(self, given: ScanInput) -> str:
        """A keyed hash of everything that a scan's results depend on: program, model, options and file content."""
        asked = self._settings
        names, model = self._results.names, self._results.model_sha256
        options = {"device": asked.device, "engine": asked.engine, "folds": asked.folds, "tta": asked.tta}
        meant = {"side": given.side or asked.side, "series": given.series, "content_sha256": names.content(given.path)}
        made = Provenance({"onfh_nnunet": __version__, "model_sha256": model, **options, **meant})
        return names.keyed(made.text)
