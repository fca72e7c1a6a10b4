"""The algorithms: pure functions and estimators, no clock, no environment, no warehouse."""
