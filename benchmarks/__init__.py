"""The benchmarks behind each figure in docs/benchmarks.md."""
