"""Draw what every group of settings has in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Share = Annotated[float, Field(ge=0, le=1)]


class Part(BaseModel):
    """Refuse unknown keys everywhere, or a typo would be silence; never change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)
