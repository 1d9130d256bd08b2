"""How the shipped weights are made, and the demo."""
