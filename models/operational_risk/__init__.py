"""Score operational risk: how steadily an enterprise works (Pérez-Salazar et al., 2026)."""
