"""A PACS: find, fetch and store DICOM objects, by DIMSE or DICOMweb, at the one server that a settings file names."""
