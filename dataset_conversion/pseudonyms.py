"""Patients leave the hospital's names behind: private/key.csv is the only file that still knows them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from onfh_nnunet.errors import WorkspaceError
from onfh_nnunet.hip import Hip, Side
from onfh_nnunet.tables import read_rows, write_rows

_PSEUDONYM = re.compile(r"P(\d{3,})")


@dataclass(frozen=True)
class KeyRow:
    """A row of private/key.csv."""

    patient_id: str
    patient: str


def pseudonyms(patient_ids: Iterable[str], key_csv: Path, *, keep_ids: bool = False) -> dict[str, str]:
    """The name of each patient in every file but the key.

    Patients of an earlier run keep theirs; new ones are numbered on from the last, in order of appearance.

    Args:
        patient_ids: The hospital's names; repetitions are passed over.
        key_csv: The key of an earlier run, or no file.
        keep_ids: Use the hospital's names themselves.

    Returns:
        Patient by patient id, with all patients of the earlier key.

    Raises:
        CohortError: `keep_ids` with a name that cannot stand in a file name.
        ReadError: The key is damaged.
    """
    wanted = list(dict.fromkeys(patient_ids))
    if keep_ids:
        return {patient_id: Hip(patient_id, Side.RIGHT).patient for patient_id in wanted}
    old = read_rows(key_csv, KeyRow) if key_csv.is_file() else []
    known = {row.patient_id: row.patient for row in old if _PSEUDONYM.fullmatch(row.patient)}
    last = max((int(patient[1:]) for patient in known.values()), default=0)
    new = [patient_id for patient_id in wanted if patient_id not in known]
    return known | {patient_id: f"P{number:03d}" for number, patient_id in enumerate(new, start=last + 1)}


def write_key(key_csv: Path, names: dict[str, str]) -> None:
    """Write the key for its owner alone: mode 0600 in a folder of mode 0700.

    Raises:
        WorkspaceError: It cannot be written.
    """
    try:
        key_csv.parent.mkdir(parents=True, exist_ok=True)
        key_csv.parent.chmod(0o700)  # before the file is there
    except OSError as error:
        problem = f"cannot be made ({error.strerror})"
        raise WorkspaceError(key_csv.parent, problem, "Check that the folder may be written") from error
    write_rows(key_csv, KeyRow, [KeyRow(*pair) for pair in names.items()])
    key_csv.chmod(0o600)
