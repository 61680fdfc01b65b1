"""What every section of the settings is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Read once; a name that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
