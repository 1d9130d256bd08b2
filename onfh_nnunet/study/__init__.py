"""The parts of a study: workspace, dataset, folds and preset."""
