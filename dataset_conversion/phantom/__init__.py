"""A synthetic cohort whose volumes are known: phantoms, not patients."""
