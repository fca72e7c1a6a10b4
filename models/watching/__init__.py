"""Watch every scored night for changes in borrowers, ranks, calibration and groups."""
