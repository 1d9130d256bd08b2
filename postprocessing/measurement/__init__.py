"""Measurement of one hip: volumes, sphere, angles, location, classifications."""
