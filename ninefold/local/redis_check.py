"""Asks a Redis or Valkey server whether it is there, in its own protocol; all that this package knows of Redis."""

import contextlib
import socket
from urllib.parse import unquote, urlsplit

from ninefold.errors import StartError

TIMEOUT_S = 5.0


def ask(url: str, *command: str, timeout_s: float = TIMEOUT_S) -> str:
    """Send one command after signing in; the first line of the answer. Raises OSError, or StartError on refusal."""
    parts = urlsplit(url)
    with socket.create_connection(
        (parts.hostname or "127.0.0.1", parts.port or 6379), timeout_s
    ) as connection:
        stream = connection.makefile("rwb")
        commands = [command]
        if parts.password:
            user = [unquote(parts.username)] if parts.username else []
            commands.insert(0, ("AUTH", *user, unquote(parts.password)))
        answer = ""
        for words in commands:
            stream.write(_encode(words))
            stream.flush()
            answer = stream.readline().decode(errors="replace").strip()
            if answer.startswith("-"):
                raise StartError(f"Redis at {parts.hostname}:{parts.port or 6379} refuses: {answer[1:]}")
        return answer


def _encode(words: tuple[str, ...]) -> bytes:
    encoded = [word.encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded)


def require(url: str) -> None:
    """Raise StartError, in words that help, unless the server answers a ping."""
    parts = urlsplit(url)
    if parts.scheme != "redis":  # TLS and sockets: left to the parts that speak them
        return
    try:
        ask(url, "PING")
    except OSError as error:
        where = f"{parts.hostname}:{parts.port or 6379}"
        raise StartError(
            f"Redis at {where} cannot be reached ({error}). Check REDIS_URL, or unset it to use the embedded server."
        ) from error


def shut_down(url: str) -> None:
    """Ask the server to end, if it lets us."""
    with contextlib.suppress(OSError, StartError):
        ask(url, "SHUTDOWN", timeout_s=1.0)
