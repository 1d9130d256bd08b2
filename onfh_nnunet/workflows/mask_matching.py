"""Which predicted masks belong to which references: by the names of files, or by a table of the scans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dataset_conversion.cohort.pseudonyms import ScanKeyRow, read_key
from dataset_conversion.cohort.scan_name import ScanName, pseudonym_of
from dataset_conversion.cohort.table import read_cohort
from onfh_nnunet.core.errors import LabelError, ReadError
from onfh_nnunet.core.file_names import side_of_name, stem
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.workflows.label_folders import labels_in
from onfh_nnunet.workflows.scan_names import key_csv


@dataclass(frozen=True)
class MaskPair:
    """The files of one hip, or of both hips of a patient.

    Args:
        case_id: Their name without its endings; of masks by side what their case ids begin with.
        reference: The label that is right.
        prediction: The mask that is judged; or a mask of each hip, by its side.
        necrosis: The reference's mask of the necrosis, where it has a file of its own.
        side: The side of the reference, where more than its name says it.
        side_stated: Whether all masks are of hips of the reference; else it alone says which of them are.
        healthy: Whether a reference without necrosis is meant so.
    """

    case_id: str
    reference: Path
    prediction: Path | Mapping[Side, Path]
    necrosis: Path | None = None
    side: Side | None = None
    healthy: bool = False
    side_stated: bool = True


def match_masks(references: Path, predictions: Path) -> list[MaskPair]:
    """Match the labels of two folders by their names without endings, in order of name.

    The label ``P001`` of both hips is also matched with ``P001_R`` and ``P001_L``, as `predict` writes them.

    Raises:
        ReadError: A folder is not there or holds no mask, two files have one name, or the folders hold masks of
            different names; all of these are listed.
    """
    true, pred = labels_in(references), labels_in(predictions)
    found = {name: pred.get(name) or _of_hips(name, true, pred) for name in true}
    missing = sorted(name for name, one in found.items() if not one)
    matched = {path for one in found.values() if one for path in (one.values() if isinstance(one, dict) else (one,))}
    surplus = sorted(name for name, path in pred.items() if path not in matched)
    if missing or surplus:
        parts = (("lacks", missing), ("holds without a reference", surplus))
        problem = " and ".join(f"{what} {', '.join(names)}" for what, names in parts if names)
        remedy = "Give both folders masks of the same hips"
        raise ReadError(predictions, f"{problem} (references: {references})", remedy)
    return [MaskPair(name, true[name], one) for name, one in sorted(found.items()) if one]


def _of_hips(name: str, true: Mapping[str, Path], pred: Mapping[str, Path]) -> dict[Side, Path]:
    """The masks of the hips of a patient, but for those that have a reference of their own."""
    names = {side: f"{name}_{side}" for side in (Side.RIGHT, Side.LEFT)}
    return {side: pred[one] for side, one in names.items() if one in pred and one not in true}


def match_table(table: Path, predictions: Path) -> list[MaskPair]:
    """The labels of a table of scans and the masks that `predict` made of the same table, in its order.

    Rows without a label are left out, and so are masks of scans that the table does not label. A row need not say its
    side: its label does, by its name or by what it holds.

    Args:
        table: cohort.csv.
        predictions: The `out` of `predict`; its key says which patient is which where it holds pseudonyms.

    Raises:
        CohortError: The table cannot be used.
        LabelError: No row has a label.
        ReadError: The folder is not there or holds no mask, or lacks some of a labelled hip: all of them are listed.
    """
    labelled = [(scan, scan.label) for scan in read_cohort(table, side_needed=False) if scan.label]
    if not labelled:
        raise LabelError(table, "has no label in any row, expected labels to compare with", "Fill the column label")
    masks = labels_in(predictions)
    key = read_key(key_csv(predictions), ScanKeyRow)
    patients = {row.patient_id: pseudonym_of(row.patient).patient for row in key}
    pairs, lacking = [], []
    for scan, label in labelled:
        name = ScanName(patients.get(scan.patient_id, scan.patient_id), scan.visit)
        files = {hip.side: hip.case_id for hip in name.hips if hip.side in scan.hips}
        found = {side: masks[file] for side, file in files.items() if file in masks}
        if scan.side_stated or not found:
            lacking += [f"{file} (line {scan.line})" for file in files.values() if file not in masks]
        side = Side(scan.side) if scan.side != "B" else None if scan.side_stated else side_of_name(stem(label))
        healthy = scan.grade is Grade.NONE
        pairs.append(MaskPair(str(name), label, found, scan.label_necrosis, side, healthy, scan.side_stated))
    if lacking:
        remedy = "Run onfh predict on this table into it, and look whether these scans are in its failed.csv"
        raise ReadError(predictions, f"lacks {', '.join(lacking)} (references: {table})", remedy)
    return pairs
