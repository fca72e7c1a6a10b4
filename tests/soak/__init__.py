"""Faults on purpose: a seeded schedule of kills, full disks and damage, and what must hold after each.

`python -m tests.soak` runs it and prints a table; `tests/flows/test_soak.py` runs a short schedule.
"""
