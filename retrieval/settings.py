"""Settings of search and of reading documents."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class RetrievalSettings(BaseModel):
    """How passages are found."""

    model_config = ConfigDict(extra="forbid")

    candidates: Annotated[
        int, Field(ge=5, le=1000, description="Passages taken from each of dense and keyword search.")
    ] = 50
    parse_seconds: Annotated[float, Field(gt=0, description="Longest time one file may take to be read.")] = 30.0
    parse_memory_mb: Annotated[int, Field(ge=128, description="Most memory one file may take to be read.")] = 1024
    max_file_mb: Annotated[int, Field(ge=1, description="Files above this size are refused.")] = 50
