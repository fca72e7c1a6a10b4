"""A default curve over 60 months: a discrete-time hazard model gives its shape, the calibrated PD its level."""
