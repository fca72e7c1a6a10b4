"""Backups: a home copied into a folder of its own, and brought back into an empty one."""
