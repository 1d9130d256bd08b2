"""Synthetic bodies: bones, joints, muscles and lesions."""
