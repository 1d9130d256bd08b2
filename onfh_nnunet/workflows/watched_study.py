"""The work of `onfh watch` on one study: fetch it, predict its hips, store the results back.

Each step leaves alone what was done before, so that the work may end at any moment and begin again. It runs in a
process of its own (``python -m onfh_nnunet.workflows.watched_study JOB``), which reports one line of JSON.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

from onfh_nnunet.core.errors import (
    AssociationRejected,
    HipNotFound,
    NoHipScan,
    OnfhError,
    PacsLoginError,
    PacsSettingsError,
    PacsTlsError,
    PacsUnreachable,
)
from onfh_nnunet.core.printable import plural
from onfh_nnunet.pacs.archive import Archive, archive_of
from onfh_nnunet.pacs.fetch import NothingToFetch, fetch_study
from onfh_nnunet.pacs.settings import read_settings
from onfh_nnunet.pacs.store import read_identity, store_files
from onfh_nnunet.pacs.study_queue import State
from onfh_nnunet.workflows.predict_folder import Predicted, predict_scans
from onfh_nnunet.workflows.predictor import Settings
from onfh_nnunet.workflows.prefetch import FATAL
from onfh_nnunet.workflows.scan_objects import dicom_files
from onfh_nnunet.workflows.study_job import Report, StudyJob, incoming

_NOT_THE_STUDYS = (*FATAL, PacsLoginError, PacsTlsError, PacsSettingsError, AssociationRejected)
"""Errors that every further study would meet, too."""


def work_on(job: StudyJob) -> Report:
    """Fetch, predict and store one study; an error becomes its report."""
    try:
        archive = archive_of(read_settings(job.server))
        place = (
            job.folder / job.study if job.folder else fetch_study(archive, job.study, incoming(job.out), ["MR"]).folder
        )
        settings = Settings(*(job.model, job.out, None, job.device, None, False), batch=place.is_dir(), dicom=True)
        return _stored(archive, predict_scans([place], settings), job.out)
    except PacsUnreachable as error:
        return Report(State.WAITING, str(error))
    except _NOT_THE_STUDYS as error:
        return Report(State.WAITING, str(error), (error.subject, error.problem, error.remedy))
    except (NothingToFetch, NoHipScan, HipNotFound) as error:
        return Report(State.PASSED_OVER, str(error))
    except OnfhError as error:
        return Report(State.FAILED, str(error))


def _stored(archive: Archive, predicted: Predicted, out: Path) -> Report:
    """Store the objects of all scans that were predicted."""
    names = dict.fromkeys(row.source for row in predicted.rows)  # under pseudonyms the scan's name
    files = [read_identity(file) for name in names for file in dicom_files(out, name)]
    stored = store_files(archive, files)
    said = f"{plural(len(predicted.rows), 'hip')}, {plural(len(stored.sent), 'object')} stored"
    if stored.already:
        said += f", {len(stored.already)} were there"
    if predicted.wrong:
        return Report(State.FAILED, f"{said}; {'; '.join(row.message for row in predicted.wrong)}")
    if not predicted.rows:
        return Report(State.PASSED_OVER, "no hip was found in its scans")
    return Report(State.DONE, said)


def main() -> None:
    """Work on the study that the file in the first argument describes."""
    from onfh_nnunet.nnunet.worker_process import end_with_parent, reporter

    end_with_parent()
    report = reporter()
    report(asdict(work_on(StudyJob.of(Path(sys.argv[1]).read_text(encoding="utf-8")))))


if __name__ == "__main__":
    main()
