"""Wake-ups are sent when Redis can be reached; a caller never waits for them."""

import json
import time
from contextlib import closing

import redis

from worker.queue.wake_ups import TASK_NAME, WakeUpSender
from worker.redis_server.keys import WAKE_UPS


def test_each_wake_up_is_a_message_for_a_worker(redis_client: redis.Redis, redis_url: str) -> None:
    with closing(WakeUpSender(redis_url)) as wake_ups:
        wake_ups.send()
        wake_ups.send()
    messages = redis_client.lrange(WAKE_UPS, 0, -1)
    assert [json.loads(message)["headers"]["task"] for message in messages] == [TASK_NAME] * 2


def test_wake_ups_for_an_unreachable_server_delay_no_caller() -> None:
    started_at = time.monotonic()
    with closing(WakeUpSender("redis://127.0.0.1:1/0")) as wake_ups:
        for _ in range(1_000):
            wake_ups.send()
        assert time.monotonic() - started_at < 10
    assert time.monotonic() - started_at < 30
