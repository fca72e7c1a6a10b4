"""Split a PD, or its change between two nights, into contributions of features."""
