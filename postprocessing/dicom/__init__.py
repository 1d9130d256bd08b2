"""DICOM objects made of predicted hips: a segmentation, and a report of its measurements."""
