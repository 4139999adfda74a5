"""`ninefold up` as a person sees it: a spinner until the service answers, its address, its end."""

import signal
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
from rich.console import Console

from ninefold.errors import StartError
from ninefold.local.stack import Stack, StackOptions

READY_EVERY_S = 0.2
START_S = 180.0
"""A predictor imports torch, which a cold disk may draw out."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_up(options: StackOptions, environment: Mapping[str, str], *, verbose: bool) -> None:
    """Start the stack, say where it is, and stay until a signal ends it."""
    console = Console(highlight=False, soft_wrap=True, markup=False)
    stack = Stack(
        options,
        environment,
        say=console.print,
        on_line=lambda role, line: console.print(f"{role:>9}  {line}") if verbose else None,
    )
    for number in SIGNALS:
        signal.signal(number, lambda *_: stack.stop())
    stack.start()
    with console.status("Starting Valkey, API, predictor and worker"):
        is_ready = wait_until_ready(stack)
    if is_ready:
        console.print(welcome(stack.url, options.data_dir))
    _stay(stack, console)
    if stack.error:
        raise stack.error


def _stay(stack: Stack, console: Console) -> None:
    has_said = False
    while stack.is_running:
        if stack.is_stopping and not has_said:
            console.print("Stopping; a running job saves a checkpoint first. Ctrl-C again ends it at once.")
            has_said = True
        stack.join(0.2)


def wait_until_ready(stack: Stack) -> bool:
    """Whether the service answered; not, when the stack ended or was stopped before."""
    deadline = time.monotonic() + START_S
    with httpx.Client(timeout=5.0) as client:
        while stack.is_running and not stack.is_stopping:
            reason = why_not_ready(client, stack.url) if stack.has_api else "Valkey starts"
            if not reason:
                stack.settle()
                return True
            if time.monotonic() > deadline:
                stack.stop()
                raise StartError(f"The service is not ready after {START_S:.0f} s: {reason}")
            time.sleep(READY_EVERY_S)
    return False


def why_not_ready(client: httpx.Client, url: str) -> str:
    """Nothing, when the service is ready."""
    try:
        answer = client.get(f"{url}/readyz")
    except httpx.TransportError as error:
        return str(error)
    return "" if answer.is_success else answer.text


def welcome(url: str, data_dir: Path) -> str:
    """What to do next."""
    return (
        f"\nNinefold is up.\n"
        f"  Dashboard   {url}/\n"
        f"  API docs    {url}/docs\n"
        f"  Data, logs  {data_dir.expanduser().resolve()}\n\n"
        f"  Train       ninefold submit digits --watch\n"
        f'  The same    curl --json \'{{"dataset": "digits"}}\' {url}/jobs\n\n'
        "Ctrl-C stops it."
    )
