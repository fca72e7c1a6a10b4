"""Define the refusals of a model, each with one clear line that a task can pass on."""

from __future__ import annotations


class ModelError(ValueError):
    """Any refusal of a model; the message gives the problem, the place and what to do."""


class TooFewRowsError(ModelError):
    """There are too few labelled rows, or only one class, for the requested fit."""


class NoFeaturesError(ModelError):
    """No column of the requested groups has a value in the training rows."""


class SchemaMismatchError(ModelError):
    """The frame does not fit the model: a column is missing or of another kind than in training."""


class ArtefactError(ModelError):
    """A stored model is damaged, has been tampered with, or differs from its entry in the registry."""
