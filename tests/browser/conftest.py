"""The whole service and a real browser; every page is watched for foreign requests and errors."""

import io
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, sync_playwright
from sklearn.datasets import load_digits

from tests.browser.service import Service, free_port
from tests.browser.watch import Watch

ROOT = Path(__file__).parents[2]
KEY = secrets.token_hex(16)
STOP_S = 30.0
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def chromium() -> str:
    """Path of the system's Chromium; in CI it must be there."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None and os.environ.get("CI") == "true":
        pytest.fail(f"CI needs one of {', '.join(CHROMIUM)}")
    if found is None:
        pytest.skip(f"needs one of {', '.join(CHROMIUM)}")
    return found


@pytest.fixture(scope="module")
def service(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """`ninefold up` in an empty data folder, with a key."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    folder = tmp_path_factory.mktemp("browser")
    command = [
        sys.executable,
        "-m",
        "ninefold",
        "up",
        "--port",
        str(port),
        "--data-dir",
        str(folder / "data"),
    ]
    environment = {**os.environ, "NINEFOLD_API_KEYS": f"tester:{KEY}", "CUDA_VISIBLE_DEVICES": ""}
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {KEY}"}, timeout=60) as http:
            service = Service(process, url, http)
            try:
                service.wait_until_ready()
                yield service
            finally:
                process.terminate()
                process.wait(STOP_S)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Headless, on the CPU. Never for the whole session: its event loop would be in other tests' way."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield running
        running.close()


@pytest.fixture
def watch(service: Service) -> Iterator[Watch]:
    """Fails the test when the page called abroad or met an error that the test did not take out of `errors`."""
    watch = Watch(service.url)
    yield watch
    assert watch.foreign == []
    assert watch.errors == []


@pytest.fixture
def page(browser: Browser, service: Service, watch: Watch) -> Iterator[Page]:
    """The dashboard, signed in through its own form."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.on("request", watch.on_request)
    page.goto(service.url)
    page.get_by_label("API key").fill(KEY)
    page.get_by_role("button", name="Sign in").click()
    page.locator(".system-item", has_text="Live").wait_for()
    # A browser reports the 401 that asked for the key as an error: what counts starts here.
    page.on("console", watch.on_console)
    page.on("pageerror", lambda error: watch.errors.append(str(error)))
    yield page
    context.close()


@pytest.fixture(scope="module")
def digit() -> FilePayload:
    """A handwritten seven as a PNG file."""
    pixels = (load_digits().images[7] * 15.9).astype(np.uint8)
    png = io.BytesIO()
    Image.fromarray(pixels).save(png, "PNG")
    return {"name": "seven.png", "mimeType": "image/png", "buffer": png.getvalue()}
