"""Each figure in the README, reproducible."""
