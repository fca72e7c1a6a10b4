"""Pérez-Salazar et al. (2026) measured again."""
