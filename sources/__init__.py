"""Sources: write feed files of a simulated portfolio or of a public data set into a landing folder."""
