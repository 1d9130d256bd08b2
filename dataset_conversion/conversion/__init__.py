"""A scan becomes cases; what was converted before is kept."""
