"""A dataset becomes a plan, and a plan becomes trained folds."""
