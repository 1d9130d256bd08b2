"""Proposal of a cohort.csv from a folder of studies and labels, for a person to correct."""
