"""Femoral head and necrosis segmentation on MRI with nnU-Net: vocabulary, stages and command line."""

__version__ = "0.1.0"
