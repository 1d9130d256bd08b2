"""The cohort: rows of cohort.csv, pseudonyms of patients, cross-validation folds."""
