"""Extraction of single hips from scans, and checks of each hip."""
