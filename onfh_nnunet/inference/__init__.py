"""A scan becomes hips: heads are located, sides decided, and each hip is segmented."""
