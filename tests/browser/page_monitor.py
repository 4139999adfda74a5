"""Records requests to other origins and errors of a page, neither of which the dashboard may cause."""

from dataclasses import dataclass, field

from playwright.sync_api import ConsoleMessage, Request


@dataclass
class PageMonitor:
    """The requests to other origins and the errors of one page."""

    origin: str
    foreign_urls: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def on_request(self, request: Request) -> None:
        """Record the URL if the request goes to another origin."""
        if not request.url.startswith(self.origin):
            self.foreign_urls.append(request.url)

    def on_console(self, message: ConsoleMessage) -> None:
        """Record the text if the message is an error."""
        if message.type == "error":
            self.errors.append(message.text)
