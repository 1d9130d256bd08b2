"""Labels as people draw them become head and necrosis on the grid of the scan."""
