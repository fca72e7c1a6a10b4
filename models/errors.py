"""What a model refuses, each as one clear line that a task can hand on."""

from __future__ import annotations


class ModelError(ValueError):
    """Any refusal of a model; the message says what, where and what to do."""


class TooFewRowsError(ModelError):
    """There are too few labelled rows, or one class only, to fit what was asked."""


class NoFeaturesError(ModelError):
    """No column of the wanted groups carries a value in the training rows."""


class SchemaMismatchError(ModelError):
    """The frame is not the one that the model was fitted on: a column is missing or of another kind."""


class ArtefactError(ModelError):
    """A stored model is damaged, tampered with, or not what the registry says."""
