"""Cleaning and checks of the mask of one hip."""
