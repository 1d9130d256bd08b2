"""A cohort becomes an nnU-Net dataset: read, cut into hips, checked, written, split into folds."""
