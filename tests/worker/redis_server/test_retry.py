"""A call is repeated while Redis is unreachable, and for no other reason."""

from itertools import count

import pytest

from worker.errors import JobNotFoundError, StoreUnavailableError
from worker.redis_server.retry import retry_while_unavailable


def test_a_call_is_repeated_until_redis_answers() -> None:
    calls = count(1)

    def call() -> int:
        number = next(calls)
        if number < 3:
            raise StoreUnavailableError("away")
        return number

    assert retry_while_unavailable(call, lambda: True) == 3


@pytest.mark.parametrize(
    ("error", "may_retry"), [(JobNotFoundError("job_1"), True), (StoreUnavailableError("away"), False)]
)
def test_other_errors_and_the_last_error_are_raised_at_once(error: Exception, may_retry: bool) -> None:
    calls = count(1)

    def call() -> None:
        next(calls)
        raise error

    with pytest.raises(type(error)):
        retry_while_unavailable(call, lambda: may_retry)
    assert next(calls) == 2
