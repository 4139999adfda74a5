"""Reasons to refuse a caller, and how each is answered."""

from api.errors import ApiError
from api.http.problem import Answer, Answers


class UnauthorizedError(ApiError):
    """Raised when a request has no key or session, or a wrong one."""

    code = "unauthorized"

    def __init__(self) -> None:
        super().__init__(
            "Send one of this service's keys: Authorization: Bearer <key>. NINEFOLD_API_KEYS holds them."
        )


class AmbiguousHostError(ApiError):
    """Raised when a request has several Host headers: a proxy and this service might obey different ones."""

    code = "bad_request"

    def __init__(self) -> None:
        super().__init__("The request has several Host headers: send one.")


class HostNotAllowedError(ApiError):
    """Raised when a service without keys is addressed by a host name that is not local."""

    code = "host_not_allowed"

    def __init__(self) -> None:
        super().__init__(
            "Without keys this service answers to localhost and 127.0.0.1 only. "
            "Set NINEFOLD_API_KEYS to allow other names."
        )


class OriginNotAllowedError(ApiError):
    """Raised when a page of a foreign origin sends a request that only trusted pages may send."""

    code = "origin_not_allowed"

    def __init__(self) -> None:
        super().__init__("Pages of this origin may not call this API. NINEFOLD_CORS_ORIGINS allows origins.")


ANSWERS: Answers = {
    UnauthorizedError: Answer(401, headers={"WWW-Authenticate": "Bearer"}),
    AmbiguousHostError: Answer(400),
    HostNotAllowedError: Answer(403),
    OriginNotAllowedError: Answer(403),
}
