"""From masks to results: cleaning, measurement, grades, metrics, statistics and reports."""
