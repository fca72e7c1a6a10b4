"""Sources of feed files: a simulated portfolio, and public data sets."""
