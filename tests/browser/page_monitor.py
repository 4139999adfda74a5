"""Records requests to other origins and errors of a page, neither of which the dashboard may cause."""

from dataclasses import dataclass, field

from playwright.sync_api import ConsoleMessage, Request


@dataclass
class PageMonitor:
    """The requests to other origins and the errors of one page."""

    origin: str
    foreign_urls: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()
    """Parts of the errors that the test causes; the browser may report them late."""

    @property
    def unexpected_errors(self) -> list[str]:
        """The errors that the test does not cause."""
        return [error for error in self.errors if not any(part in error for part in self.expected)]

    def on_request(self, request: Request) -> None:
        """Record the URL if the request goes to another origin."""
        if not request.url.startswith(self.origin):
            self.foreign_urls.append(request.url)

    def on_console(self, message: ConsoleMessage) -> None:
        """Record the text if the message is an error."""
        if message.type == "error":
            self.errors.append(message.text)
