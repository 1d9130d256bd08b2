"""Each figure in docs/benchmarks.md, reproducible."""
