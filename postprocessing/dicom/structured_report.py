"""Measurements of predicted hips as a DICOM Structured Report after TID 1500, which refers to their Segmentation.

A group for the head of each hip, one for its necrosis if there is any, and one for a hip that was missed. No person
has looked at it, so it is preliminary and unverified. Source: DICOM PS3.16, TID 1500, 1411 and 1501; PS3.3, A.35.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.labels import Region
from onfh_nnunet.core.source_series import SourceSeries
from postprocessing.dicom.codes import (
    ARTIFICIAL_INTELLIGENCE,
    COMMENT,
    DEVICE,
    FEMORAL_HEAD,
    KIND,
    LATERALITY,
    MR_IMAGING,
    OWN_SCHEME,
    SIDE_NAME,
    Term,
)
from postprocessing.dicom.origin import PROGRAM, SERIES_NUMBERS, Origin, concept, in_ascii
from postprocessing.dicom.report_items import NOT_SEGMENTED, findings, quantities
from postprocessing.dicom.segmentation import HipSegment
from postprocessing.dicom.source_images import instances, nameless_header, repeat_identity
from postprocessing.measurement.grades_table import Line, MissedHip

if TYPE_CHECKING:
    from highdicom.seg import Segmentation
    from highdicom.sr import ComprehensiveSR


def structured_report(
    segments: Sequence[HipSegment],
    missed: Sequence[MissedHip],
    segmented: Segmentation,
    source: SourceSeries,
    origin: Origin,
) -> ComprehensiveSR:
    """A report of the hips of one scan, with patient and study of its source.

    Names of cases and files stay out: they say nothing in an archive.

    Args:
        segments: The segments of its hips.
        missed: Hips that it shows and that have no mask.
        segmented: The Segmentation that holds them.
        source: The scan.
        origin: What made them.
    """
    import highdicom

    groups = [_of_segment(one, segmented, source, origin) for one in segments]
    groups += [_of_missed(one, source, origin) for one in missed]
    report = highdicom.sr.MeasurementReport(
        observation_context=_observer(origin),
        procedure_reported=concept(MR_IMAGING),
        imaging_measurements=groups,
    )
    content = [segmented.SOPInstanceUID, *map(_said, [one.row for one in segments]), *map(_said, missed)]
    made = highdicom.sr.ComprehensiveSR(
        evidence=_evidence(segmented, source),
        content=report,
        series_instance_uid=origin.uid(source, "SR series", *content),
        series_number=SERIES_NUMBERS["SR"],
        sop_instance_uid=origin.uid(source, "SR", *content),
        instance_number=1,
        is_complete=not missed,
        coding_schemes=[_own_scheme(origin)],
        series_description="Osteonecrosis of the femoral head: measurements",
        **origin.equipment(),
    )
    repeat_identity(made, source)
    origin.stamp(made)
    return made


def _own_scheme(origin: Origin) -> Any:
    from highdicom.coding_schemes import CodingSchemeIdentificationItem

    return CodingSchemeIdentificationItem(
        OWN_SCHEME, name=PROGRAM, version=origin.version, responsible_organization=PROGRAM
    )


def _said(line: Line) -> str:
    """All that a line of grades.csv says, without the names of case and file."""
    return repr({name: value for name, value in vars(line).items() if name not in ("case_id", "source")})


def _of_segment(segment: HipSegment, segmented: Segmentation, source: SourceSeries, origin: Origin) -> Any:
    from highdicom import sr

    row = segment.row

    group = sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(segment.uid, segment.name),
        referenced_segment=sr.ReferencedSegment(
            segmented.SOPClassUID,
            segmented.SOPInstanceUID,
            segment.number,
            source_series=sr.SourceSeriesForSegmentation(source.header.SeriesInstanceUID),
        ),
        finding_type=concept(KIND[segment.region]),
        finding_sites=[_site(segment.side)],
        algorithm_id=_algorithm(origin),
        measurements=[
            sr.Measurement(concept(quantity.name), value, concept(quantity.unit))
            for quantity, value in quantities(row, segment.region)
        ],
        qualitative_evaluations=[_evaluation(*finding) for finding in findings(row, segment.region)],
    )
    if segment.region is Region.HEAD and row.warnings:
        _comment(group, row.warnings)
    return group


def _of_missed(missed: MissedHip, source: SourceSeries, origin: Origin) -> Any:
    from highdicom import sr

    name = f"{SIDE_NAME[missed.side]} femoral head, not segmented"
    uid = origin.uid(source, missed.side, "missed")
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid, name),
        finding_type=concept(FEMORAL_HEAD),
        finding_sites=[_site(missed.side)],
        algorithm_id=_algorithm(origin),
        qualitative_evaluations=[_evaluation(NOT_SEGMENTED, NOT_SEGMENTED)],
    )
    _comment(group, missed.warnings)
    return group


def _comment(group: Any, text: str) -> None:
    from highdicom import sr

    group[0].ContentSequence.append(
        sr.TextContentItem(concept(COMMENT), in_ascii(text), relationship_type=sr.RelationshipTypeValues.CONTAINS)
    )


def _evaluation(name: Term, value: Term) -> Any:
    from highdicom.sr import QualitativeEvaluation

    return QualitativeEvaluation(concept(name), concept(value))


def _site(side: Side) -> Any:
    from highdicom.sr import FindingSite

    return FindingSite(concept(FEMORAL_HEAD), laterality=concept(LATERALITY[side]))


def _algorithm(origin: Origin) -> Any:
    from highdicom.sr import AlgorithmIdentification

    parameters = [f"{name}={value}" for name, value in origin.parameters.items()]
    family = concept(ARTIFICIAL_INTELLIGENCE)
    return AlgorithmIdentification(PROGRAM, origin.version, parameters or None, family=family)


def _observer(origin: Origin) -> Any:
    from highdicom import sr

    device = sr.DeviceObserverIdentifyingAttributes(
        uid=origin.device_uid, name=PROGRAM, manufacturer_name=PROGRAM, model_name=PROGRAM
    )
    return sr.ObservationContext(observer_device_context=sr.ObserverContext(concept(DEVICE), device))


def _evidence(segmented: Segmentation, source: SourceSeries) -> list[Any]:
    """The objects that the report rests on; the first one gives it patient and study."""
    from pydicom import Dataset

    header = nameless_header(source)
    images: list[Any] = []
    for one in instances(source):
        image = Dataset() if images else header
        image.StudyInstanceUID, image.SeriesInstanceUID = header.StudyInstanceUID, header.SeriesInstanceUID
        image.SOPClassUID, image.SOPInstanceUID = one.sop_class, one.sop_instance
        images.append(image)
    return [*images, segmented]
