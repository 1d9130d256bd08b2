"""DICOM files of synthetic scans, as scanners of several vendors write them."""
