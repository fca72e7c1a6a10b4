"""The base record of every flow's parameters, and the types of the fields that several flows ask for.

The name begins with an underscore since every other module here is a flow.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler


class Parameters(BaseModel):
    """The base of a flow's parameters: frozen, no unknown fields, in the order of declaration on Prefect's form."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Number the fields by their order; the form sorts by position, since a stored schema loses its order."""
        schema = handler(core_schema)
        for position, field in enumerate(handler.resolve_ref_schema(schema)["properties"].values()):
            field["position"] = position
        return schema


# a flow whose field means something of its own gives it its own description
# 100: the longest name made from it, the folder portfolio=NAME, then stays below the 143 bytes that an encrypted home
# (eCryptfs) allows for one name; other file systems allow 255
Portfolio = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=100)]
HorizonDays = Annotated[int, Field(ge=30, le=1095)]
Enterprises = Annotated[int, Field(ge=100, le=1_000_000, description="Size of the simulated portfolio")]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1, description="Seed of the simulated portfolio")]
Partitions = Annotated[
    int, Field(ge=1, le=64, description="Least number of parts that are scored; a large portfolio has more")
]
TopFeatures = Annotated[
    int,
    Field(
        ge=1, le=500, description="How many contributions are stored for a score; the rest is summed as other"
    ),
]
StaleDays = Annotated[
    int,
    Field(
        ge=0,
        le=366,
        description="Who cannot be scored tonight keeps a good score that is at most this many days old; 0 = none",
    ),
]
