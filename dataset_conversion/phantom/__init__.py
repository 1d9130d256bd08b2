"""Synthetic cohorts with known volumes: phantoms, not patients."""
