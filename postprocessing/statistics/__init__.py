"""Statistics: summaries of many hips, agreement of readers, and confidence intervals."""
