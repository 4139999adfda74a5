"""Every way that the client and the command line can fail."""


class NinefoldError(Exception):
    """Root of what a user of this package sees: what went wrong, and what to do next."""

    def __init__(self, detail: str, *, code: str = "error", status: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code
        self.status = status
        """The HTTP status, when a service answered at all."""


class UnreachableError(NinefoldError):
    """Raised when no service answers at the address."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"No Ninefold service answers at {url}. Start one with: ninefold up", code="unreachable"
        )


class JobFailedError(NinefoldError):
    """Raised when a job that was waited for ends without a model."""

    def __init__(self, job_id: str, detail: str, code: str) -> None:
        super().__init__(detail, code=code)
        self.job_id = job_id


class StartError(NinefoldError):
    """Raised when `ninefold up` cannot start; nothing is left running."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, code="cannot_start")
