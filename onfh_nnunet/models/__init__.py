"""Trained models as files: what they hold, what they state, and which can be loaded."""
