"""DICOM files of synthetic scans, in the style of several vendors."""
