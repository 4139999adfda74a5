"""The bodies and answers of the session routes, as OpenAPI shows them."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, SecretStr


class SessionRequest(BaseModel):
    """A key to exchange for a session cookie."""

    model_config = ConfigDict(extra="forbid")

    key: SecretStr


class Session(BaseModel):
    """The name of the signed-in key, and when the session expires."""

    object: Literal["session"] = "session"
    name: str
    expires_at: AwareDatetime | None
