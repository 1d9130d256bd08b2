"""From a body to an MR image: tissue, signal, slice profile, voxels."""
