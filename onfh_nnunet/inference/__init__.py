"""Inference on scans: location of heads, laterality, and segmentation of each hip."""
