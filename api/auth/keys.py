"""API keys and the signed sessions of their holders. Knows no HTTP."""

import hashlib
import hmac
import time
from collections.abc import Mapping


class Keys:
    """The service's keys by name. Comparisons take constant time; sessions are signed, so none are stored."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._digests = {name: hashlib.sha256(key.encode()).digest() for name, key in keys.items()}
        # Each key signs its own sessions: removing a key ends its sessions.
        self._secrets = {
            name: hmac.digest(key.encode(), b"ninefold session", "sha256") for name, key in keys.items()
        }

    def __bool__(self) -> bool:
        return bool(self._digests)

    def find(self, key: bytes) -> str | None:
        """Return the name of a key. Compares with every key, so that the duration does not show which one matches."""
        digest, found = hashlib.sha256(key).digest(), None
        for name, known in self._digests.items():
            if hmac.compare_digest(digest, known):
                found = name
        return found

    def sign_session(self, name: str, expires_at: int) -> str:
        """Make a session for the holder of the key `name`, valid until the Unix time `expires_at`."""
        claim = f"{name}.{expires_at}"
        return f"{claim}.{self._signature(name, claim)}"

    def read_session(self, session: str) -> str | None:
        """Return the key's name of a session; None if the signature is wrong or the session has expired."""
        claim, _, signature = session.rpartition(".")
        name, _, expires_at = claim.partition(".")
        if name not in self._secrets or not expires_at.isascii() or not expires_at.isdigit():
            return None
        is_signed = hmac.compare_digest(self._signature(name, claim).encode(), signature.encode())
        return name if is_signed and int(expires_at[:12]) > time.time() else None

    def _signature(self, name: str, claim: str) -> str:
        return hmac.new(self._secrets[name], claim.encode(), "sha256").hexdigest()
