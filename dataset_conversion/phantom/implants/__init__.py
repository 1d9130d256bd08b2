"""Lesions of known volume, painted into the labelled heads of real scans."""
