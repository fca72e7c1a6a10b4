"""Intake: every row of a delivered file is loaded into raw, quarantined or counted as an exact duplicate."""
