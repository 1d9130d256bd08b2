"""Summaries of many hips, agreement of readers, and their confidence intervals."""
