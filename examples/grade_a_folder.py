"""Grade a folder of masks from any tool, and summarize the table with pandas.

    python examples/grade_a_folder.py MASKS grades.csv

Each mask is one hip (1 viable head, 2 necrosis), and its name ends with _L or _R.
"""

from __future__ import annotations

import sys

import onfh_nnunet as onfh


def main(masks: str, out: str) -> None:
    """Write the table, and print the number of hips and the median percentage of each grade."""
    table = onfh.to_frame(onfh.grade(masks, out=out))
    print(table.groupby("steinberg_grade")["necrosis_percent"].agg(["count", "median"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
