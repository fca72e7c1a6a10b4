"""What a form asks of the families: their names, their options; apart, since importing the families takes seconds."""

from typing import Any, Literal

from pydantic import ValidationError

from models.families import FAMILIES
from models.family import FamilySettings
from models.hazard.stored import FAMILY as CURVE

Family = Literal[tuple(FAMILIES)]
Trained = Literal[(*FAMILIES, CURVE)]  # the hazard model scores nobody, and is registered as the families are


def families_with(option: str) -> list[str]:
    """Return the families whose settings know an option."""
    return [name for name, family in FAMILIES.items() if option in family.settings.model_fields]


def family_settings(family: str, chosen: dict[str, Any]) -> FamilySettings:
    """Return the settings of a family, or raise ValueError with a line on what does not go together."""
    try:
        return FAMILIES[family].settings(**chosen)
    except ValidationError as error:
        reasons = (found["msg"].removeprefix("Value error, ") for found in error.errors())
        raise ValueError(f"{family}: {'; '.join(reasons)}") from error
