"""Settings of search and of reading documents."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr


class RetrievalSettings(BaseModel):
    """How passages are found."""

    model_config = ConfigDict(extra="forbid")

    candidates: Annotated[
        int, Field(ge=5, le=1000, description="Passages taken from each of dense and keyword search.")
    ] = 50
    chroma_url: Annotated[
        HttpUrl | None,
        Field(description="A Chroma server for several processes, such as http://127.0.0.1:8000; unset embeds Chroma."),
    ] = None
    chroma_token: Annotated[
        SecretStr | None,
        Field(
            description="Shown to that server, or to the proxy before it, as `Authorization: Bearer`. Only by "
            "ANSWERDESK_RETRIEVAL_CHROMA_TOKEN or ANSWERDESK_RETRIEVAL_CHROMA_TOKEN_FILE."
        ),
    ] = None
    chroma_prefix: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9][a-z0-9-]{0,31}$",
            description="Begins the names of this installation's collections: two on one server need two.",
        ),
    ] = "answerdesk"
    chroma_timeout: Annotated[
        float, Field(gt=0, le=60, description="Seconds that a search waits for it; then keywords do.")
    ] = 1.0
    parse_seconds: Annotated[float, Field(gt=0, description="Longest time one file may take to be read.")] = 30.0
    parse_memory_mb: Annotated[int, Field(ge=128, description="Most memory one file may take to be read.")] = 1024
    max_file_mb: Annotated[int, Field(ge=1, description="Files above this size are refused.")] = 50
