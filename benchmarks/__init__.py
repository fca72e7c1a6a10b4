"""Speed and quality side by side in one run; each module renews its section of docs/benchmarks.md."""
