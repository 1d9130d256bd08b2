"""Planning of a dataset and training of its folds."""
