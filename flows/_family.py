"""The type of a field that names a model family; apart, since importing the families takes seconds."""

from typing import Literal

from models.families import FAMILIES

Family = Literal[tuple(FAMILIES)]
