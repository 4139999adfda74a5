"""Takes the pictures in docs/images: `python -m pytest tests/browser/screenshots.py`. No test of its own."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, ViewportSize

from tests.browser.service import Service

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

FOLDER = Path(__file__).parents[2] / "docs" / "images"
PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1280, "height": 900}


def post(service: Service, **spec: Any) -> str:
    """A new job's id."""
    answer = service.http.post("/jobs", json={"dataset": "digits", **spec})
    assert answer.status_code == 202, answer.text
    job_id: str = answer.json()["id"]
    return job_id


def wait_for_end(service: Service, job_id: str) -> None:
    while service.http.get(f"/jobs/{job_id}", params={"wait_s": 30}).json()["status"] in {
        "queued",
        "running",
    }:
        pass


def shoot(page: Page, name: str, *, full: bool = False) -> None:
    """Once as it is by day, once by night."""
    for scheme in ("Light", "Dark"):
        page.get_by_label(scheme, exact=True).check()
        page.mouse.move(0, 0)
        page.wait_for_timeout(600)
        page.screenshot(path=FOLDER / f"{name}-{scheme.lower()}.png", full_page=full)


def test_take_screenshots(page: Page, service: Service, digit: FilePayload) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for spec in ({"epochs": 6}, {"epochs": 10, "name": "digits-long"}, {"recipe": "thorough", "epochs": 8}):
        wait_for_end(service, post(service, **spec))
    running = post(service, epochs=40, name="night-run")
    post(service, epochs=20, name="next-idea", label_smoothing=0.05)

    page.goto(f"{service.url}/#/jobs/{running}")
    page.get_by_text("at epoch 10").first.wait_for(timeout=300_000)
    shoot(page, "job")
    page.get_by_role("link", name="All jobs").click()
    shoot(page, "jobs")
    page.set_viewport_size(PHONE)
    shoot(page, "phone", full=True)
    page.set_viewport_size(DESK)

    page.get_by_role("link", name="Classify").click()
    page.locator("#model option").first.wait_for(state="attached")
    page.get_by_label("Drop images here").set_input_files(digit)
    page.locator(".verdict[data-label]").wait_for()
    shoot(page, "classify")
    page.get_by_role("link", name="Models").click()
    page.locator("table.models").first.wait_for()
    shoot(page, "models")
    service.http.post(f"/jobs/{running}/cancel")
