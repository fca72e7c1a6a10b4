"""A first mapping for an export of a lender, and what would load with it."""
