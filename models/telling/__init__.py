"""Show models and nights to people: charts, model cards and the report of each night."""
