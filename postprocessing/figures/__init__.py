"""Figures of a comparison, as SVG and PNG; the same input gives the same bytes."""

from __future__ import annotations

from postprocessing.figures.write import FIGURE_FILES, write_figures, write_reader_figures

__all__ = ["FIGURE_FILES", "write_figures", "write_reader_figures"]
