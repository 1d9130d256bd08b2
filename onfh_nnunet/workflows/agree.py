"""Agreement of two readers."""

from __future__ import annotations

from pathlib import Path

from onfh_nnunet.core.atomic_files import require_output_apart
from onfh_nnunet.core.choices import AnyPath
from onfh_nnunet.core.folder_lock import locked
from onfh_nnunet.core.folder_record import claim
from onfh_nnunet.core.printable import plural
from onfh_nnunet.core.run_log import LOGGER, log_into
from postprocessing.figures import FIGURE_FILES, write_reader_figures
from postprocessing.figures.agreement_plots import Names
from postprocessing.statistics.agreement import Statistic
from postprocessing.statistics.inter_rater import reader_agreement, write_reader_tables
from postprocessing.statistics.reader_tables import pair_gradings, read_gradings

__all__ = ["Statistic", "agree"]


def agree(first: AnyPath, second: AnyPath, *, out: AnyPath | None = None) -> list[Statistic]:
    r"""Compare two readers' grades of the same hips, and their percentages where both give them.

    Args:
        first: CSV of one reader: case_id, or patient_id and side; visit where a hip was scanned more than once;
            steinberg_grade or grade; and necrosis_percent if it is known.
        second: CSV of the other reader, of the same hips.
        out: A folder for agreement.csv, confusion.csv and figures; nothing is written by default.

    Returns:
        Kappa, ICC, Bland-Altman limits and more, each with its interval; differences are second minus first.

    Raises:
        CohortError: A hip was graded by one reader only, or its patient is unknown.
        ReadError: A table cannot be read.
        WorkspaceError: The folder cannot be written, or holds files that are not of an earlier run.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from onfh_nnunet.workflows.agree import agree
        >>> table = Path(tempfile.mkdtemp()) / "reader.csv"
        >>> _ = table.write_text("case_id,grade\nP001_L,A\nP001_R,B\nP002_L,C\n")
        >>> next(row.value for row in agree(table, table) if row.statistic == "accuracy")
        1.0
    """
    one, other = Path(first), Path(second)
    if out is not None:
        require_output_apart(Path(out), (one, other))
    readings = pair_gradings(read_gradings(one), read_gradings(other))
    found = reader_agreement(readings)
    if out is not None:
        folder = Path(out)
        with locked(folder, "onfh agree", "give another `out`"):
            log_into(folder)
            LOGGER.info("%s compared", plural(len(readings), "hip"))
            claim(folder, "tables and figures", ("agreement.csv", "confusion.csv", *FIGURE_FILES))
            write_reader_tables(folder, readings, found)
            write_reader_figures(folder, readings, Names("first reader", "second reader"))
    return found
