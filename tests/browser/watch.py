"""What a page must not do: call another origin, or meet an error."""

from dataclasses import dataclass, field

from playwright.sync_api import ConsoleMessage, Request


@dataclass
class Watch:
    """What a page must not do."""

    origin: str
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def on_request(self, request: Request) -> None:
        """Every address that is not ours is noted."""
        if not request.url.startswith(self.origin):
            self.foreign.append(request.url)

    def on_console(self, message: ConsoleMessage) -> None:
        """So is every error."""
        if message.type == "error":
            self.errors.append(message.text)
