"""Intervals of the percentage of necrosis."""
