"""The figures of a comparison, as SVG and PNG; rows and readings in, bytes out, and the same bytes again."""

from __future__ import annotations

from postprocessing.figures.write import FIGURE_FILES, write_figures, write_reader_figures

__all__ = ["FIGURE_FILES", "write_figures", "write_reader_figures"]
