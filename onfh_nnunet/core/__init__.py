"""The shared vocabulary: hips, sides, labels, grids, volumes and files. It imports no other part of the project."""
