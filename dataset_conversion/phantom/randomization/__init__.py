"""Synthetic hips of random appearance, for training."""
