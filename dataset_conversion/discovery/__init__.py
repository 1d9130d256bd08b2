"""A cohort.csv proposed from a folder of studies and labels, for a person to correct."""
