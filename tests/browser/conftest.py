"""A real browser and the whole service; fixtures record requests to other origins and errors of the page."""

import io
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, FilePayload, Page, expect, sync_playwright

from ninefold import Client
from ninefold.client.transport import Json
from tests.browser.page_monitor import PageMonitor
from tests.browser.photos import make_photos
from tests.e2e.service import Service
from tests.handwritten import digit_images

KEY = secrets.token_hex(16)
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
IMAGES_PER_CLASS = 8
QUICK = {"epochs": 1, "recipe": "classic"}
"""The settings of a job that shall end soon."""
SETTINGS = {
    "NINEFOLD_KEEP_STATES": "20",
    "NINEFOLD_SHADOW_FRACTION": "1",
    "NINEFOLD_SHADOW_KEEP_IMAGES": "20",
}
QUEUED = {"gpus": 2}
"""The settings of a job that no worker here can train: it costs nothing, and stays in the queue."""


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the system's Chromium; the tests are skipped without it, but fail in CI."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None and os.environ.get("CI") == "true":
        pytest.fail(f"CI needs one of {', '.join(CHROMIUM)}")
    if found is None:
        pytest.skip(f"needs one of {', '.join(CHROMIUM)}")
    return found


@pytest.fixture(scope="session")
def few_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder per class with 8 digits each, so that an epoch takes a fraction of a second."""
    folder = tmp_path_factory.mktemp("few") / "few-digits"
    for label in range(10):
        (folder / str(label)).mkdir(parents=True)
        for number, image in enumerate(digit_images(label, IMAGES_PER_CLASS)):
            image.save(folder / str(label) / f"{number}.png")
    return folder


@pytest.fixture(scope="package")
def service(chromium: str, tmp_path_factory: pytest.TempPathFactory, few_digits: Path) -> Iterator[Service]:
    """`ninefold up` with an empty data folder, an API key and the dataset `few-digits`."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("NINEFOLD_API_KEYS", f"tester:{KEY}")
        service = Service(tmp_path_factory.mktemp("data"), environment=SETTINGS)
    try:
        service.client.close()
        service.client = Client(service.url, KEY)
        service.client.add_dataset(few_digits, "few-digits")
        yield service
    finally:
        service.close()


@pytest.fixture(scope="package")
def trained(service: Service) -> Json:
    """A job that has succeeded, whose model is `trained:1`."""
    return service.client.wait(service.client.submit("few-digits", name="trained", **QUICK)["id"])


@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    """Headless Chromium on the CPU. Not for the whole session: its event loop would disturb other tests."""
    expect.set_options(timeout=30_000)  # 5 s are not enough on a busy machine
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield running
        running.close()


@pytest.fixture
def monitor(service: Service) -> Iterator[PageMonitor]:
    """Fail the test if the page sent a request to another origin or reported an error.

    A test that causes errors names them in `expected`.
    """
    monitor = PageMonitor(service.url)
    yield monitor
    assert monitor.foreign_urls == []
    assert monitor.unexpected_errors == []


@pytest.fixture(scope="package")
def context(browser: Browser) -> BrowserContext:
    """What the pages of all tests share: with a context of its own, a page takes twice the CPU time to load."""
    return browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")


@pytest.fixture
def page(context: BrowserContext, service: Service, monitor: PageMonitor) -> Iterator[Page]:
    """The dashboard, signed in with its own form; of earlier tests it knows nothing."""
    page = context.new_page()
    page.set_default_timeout(30_000)
    forget = {"origin": service.url, "storageTypes": "cookies,local_storage,indexeddb"}
    context.new_cdp_session(page).send("Storage.clearDataForOrigin", forget)
    page.on("request", monitor.on_request)
    page.goto(service.url)
    page.get_by_label("API key").fill(KEY)
    page.get_by_role("button", name="Sign in").click()
    page.locator(".system-item", has_text="Live").wait_for()
    # The browser reports the 401 before sign-in as an error: record errors only from here on.
    page.on("console", monitor.on_console)
    page.on("pageerror", lambda error: monitor.errors.append(str(error)))
    yield page
    for opened in context.pages:
        opened.close()


@pytest.fixture
def photos(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder of images with faults, another dataset for each test."""
    return make_photos(tmp_path / "My Photos", request.node.name)


@pytest.fixture(scope="session")
def digit() -> FilePayload:
    """A handwritten seven as a file to upload."""
    file = io.BytesIO()
    digit_images(7, 1)[0].save(file, "PNG")
    return {"name": "seven.png", "mimeType": "image/png", "buffer": file.getvalue()}
