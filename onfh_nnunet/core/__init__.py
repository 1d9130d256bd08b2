"""The vocabulary that everything else speaks: hips, sides, labels, grids, volumes, files. It knows nobody above it."""
