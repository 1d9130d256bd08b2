"""Conversion of result rows to pandas."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING, Any

from onfh_nnunet.core.csv_rows import columns
from onfh_nnunet.workflows.predicted_hip import PredictedHip

if TYPE_CHECKING:
    import pandas as pd


def to_frame(rows: Iterable[Any]) -> pd.DataFrame:
    """Convert rows to a pandas table with the columns of the CSV file of such rows.

    Args:
        rows: What `predict`, `grade`, `compare`, `agree` or `cross_validate` returns; all of one kind.

    Returns:
        The table; empty without rows. A value that could not be computed is missing; so are all numbers and the grade
        of a hip that `predict` missed in a scan, which has a row of its own.

    Example:
        ```python
        import onfh_nnunet as onfh

        table = onfh.to_frame(onfh.grade("masks"))
        print(table.groupby("steinberg_grade").head_ml.median())
        ```
    """
    import pandas as pd

    plain = [line for row in rows for line in (row.lines if isinstance(row, PredictedHip) else [row])]
    if not plain:
        return pd.DataFrame()
    names = max((columns(type(row)) for row in plain), key=len)
    return pd.DataFrame([[_value(getattr(row, name, None)) for name in names] for row in plain], columns=names)


def _value(value: object) -> object:
    return value.value if isinstance(value, Enum) else value
