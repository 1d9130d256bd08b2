"""A mask becomes a grade, hips become tables."""
