"""Trained models as files: content, model card, and which models can be loaded."""
