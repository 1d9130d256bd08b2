"""Masks of one hip, cleaned."""
