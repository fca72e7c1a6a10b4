"""Speed and quality side by side in one run; each module prints a table and renews its section of docs/benchmarks.md."""
