"""cohort.csv: its rows, its patients' pseudonyms, its folds."""
