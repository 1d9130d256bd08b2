"""MR image formation: tissue, signal, slice profile, voxels."""
