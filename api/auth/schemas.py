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


class SignedIn(BaseModel):
    """Who sends the requests of this client."""

    object: Literal["caller"] = "caller"
    name: str
    needs_key: bool
    """Whether this service has API keys; without any, everybody on its machine may call it."""
