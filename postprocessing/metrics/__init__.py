"""Metrics of a mask against a reference: overlap, surface distances, lesion detection."""
