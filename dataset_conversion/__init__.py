"""Conversion of a cohort into an nnU-Net dataset: reading, cropping, checking, writing and folds."""
