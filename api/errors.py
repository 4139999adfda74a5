"""The root of every error that this package raises. Knows no HTTP: the predictor process uses it too."""

from collections.abc import Mapping, Sequence


class ApiError(Exception):
    """Root of the API's errors: a stable code for programs and a message that tells users what to do next."""

    code: str = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        field_errors: Sequence[Mapping[str, str]] = (),
        retry_after_s: int | None = None,
        members: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.field_errors = field_errors
        """One `param` and `message` for each wrong field of the request."""
        self.retry_after_s = retry_after_s
        self.members = dict(members or {})
        """Further members of the problem document, as JSON values."""
