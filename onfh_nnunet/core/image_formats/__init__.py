"""Parsers of NIfTI, NRRD and MetaImage that check all sizes before they read voxels, and checksums after."""
