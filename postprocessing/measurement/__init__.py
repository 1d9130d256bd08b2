"""What is measured of one hip: volumes, sphere, angles, location, types."""
