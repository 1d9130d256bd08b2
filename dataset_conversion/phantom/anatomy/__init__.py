"""Synthetic bodies: bones, joints, muscles, lesions."""
