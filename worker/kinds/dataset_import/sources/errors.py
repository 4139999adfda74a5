"""Why a source could not be read."""


class SourceRejectedError(Exception):
    """Raised when another attempt would fail in the same way; the message says what to do."""


class SourceUnavailableError(Exception):
    """Raised when the network or the other side fails: another attempt may succeed. The message holds no secret."""
