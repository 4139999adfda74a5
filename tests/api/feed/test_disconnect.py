"""A client that gives up waiting is no longer a watcher."""

import socket
from urllib.parse import urlsplit

import httpx
import redis

from api.app import create_app
from api.feed.hub import EventHub
from api.http.dependencies import shared
from api.settings import ApiSettings
from tests.api.attempts import DIGITS
from tests.api.serving import running_api
from tests.worker.processes import wait_until

WAITING = 50


def test_aborted_waits_end_at_once(settings: ApiSettings, redis_client: redis.Redis) -> None:
    app = create_app(settings)
    hub = shared(app, EventHub)
    with running_api(settings, app) as url:
        job_id = httpx.post(f"{url}/jobs", json=DIGITS).json()["id"]
        address = (str(urlsplit(url).hostname), urlsplit(url).port or 80)
        request = f"GET /jobs/{job_id}?wait_s=60 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        connections = [socket.create_connection(address) for _ in range(WAITING)]
        for connection in connections:
            connection.sendall(request)
        wait_until(lambda: hub.watchers == WAITING)
        for connection in connections:
            connection.close()
        wait_until(lambda: hub.watchers == 0)
