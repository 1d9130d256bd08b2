"""NIfTI, NRRD and MetaImage files, parsed and bounded before their voxels are read up to the checksum."""
