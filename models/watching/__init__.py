"""The watch: measure every night whether borrowers, ranks, calibration and groups still hold."""
