"""Health check of a worker's container: exits with 0 while the worker of this host sends heartbeats."""

import socket
import sys

from worker.queue.live_workers import LiveWorkers
from worker.redis_server.connection import connect
from worker.settings import WorkerSettings

workers = LiveWorkers(connect(WorkerSettings().redis_url)).list_workers()
sys.exit(not any(worker.host == socket.gethostname() for worker in workers))
