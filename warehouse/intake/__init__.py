"""Intake: turn delivered files into raw rows, each loaded, quarantined or an exact duplicate."""
