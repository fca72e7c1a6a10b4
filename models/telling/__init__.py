"""Show models and nights to people: charts, model cards, the night's report."""
