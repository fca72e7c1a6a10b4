"""Benchmarks: measure speed and quality side by side; each module renews its section of docs/benchmarks.md."""
