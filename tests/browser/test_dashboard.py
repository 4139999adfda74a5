"""The dashboard in a real browser, over the whole service."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.browser.service import Service
from tests.browser.watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

JOB_S = 120_000
"""Milliseconds that a small job may take on a slow machine."""


def submit(page: Page, **settings: str) -> Locator:
    """Fill the form, train, and give the job's row."""
    form = page.get_by_role("complementary", name="New job")
    for label, value in settings.items():
        form.get_by_label(label.capitalize(), exact=True).fill(value)
    form.get_by_role("button", name="Train").click()
    row = page.locator(".job-row", has=page.get_by_role("link", name=settings["name"], exact=True))
    row.wait_for()
    return row


def chart(page: Page, title: str) -> Locator:
    return page.locator("figure", has=page.get_by_role("heading", name=title, exact=True))


def rows_of(figure: Locator) -> int:
    """Epochs in a chart's table, the header left out."""
    return figure.locator(".chart-table tbody tr").count()


def wait_for_more(page: Page, count: Callable[[], int], than: int) -> int:
    """Until the page by itself shows more than it did."""
    for _ in range(JOB_S // 100):
        if (now := count()) > than:
            return now
        page.wait_for_timeout(100)
    raise AssertionError(f"never more than {than}")


def test_a_job_is_trained_watched_and_put_to_use(page: Page, digit: FilePayload) -> None:
    row = submit(page, epochs="4", name="sevens")
    row.get_by_role("link", name="sevens").click()
    expect(page.get_by_role("heading", name="sevens", level=1)).to_be_visible()

    accuracy = chart(page, "Accuracy")
    accuracy.get_by_text("Table", exact=True).click(timeout=JOB_S)
    seen = wait_for_more(page, lambda: rows_of(accuracy), 0)
    assert wait_for_more(page, lambda: rows_of(accuracy), seen) > seen
    expect(accuracy.locator(".chart-summary")).to_contain_text("Validation")

    expect(page.locator(".pill")).to_have_text("succeeded", timeout=JOB_S)
    assert rows_of(accuracy) == 4
    expect(page.locator(".figures")).to_contain_text("Test accuracy")

    page.get_by_role("link", name="Classify an image").click()
    page.locator("#model option").first.wait_for(state="attached")
    page.get_by_label("Drop images here").set_input_files(digit)
    verdict = page.locator(".verdict")
    expect(verdict.get_by_role("listitem")).to_have_count(5)
    expect(verdict.get_by_role("heading")).to_contain_text("%")
    expect(verdict).to_contain_text("sevens:1")


def test_a_refused_field_says_what_is_wrong(page: Page, watch: Watch) -> None:
    form = page.get_by_role("complementary", name="New job")
    form.get_by_label("Epochs", exact=True).fill("0")
    form.get_by_role("button", name="Train").click()

    expect(form.locator("#error-epochs")).not_to_be_empty()
    expect(form.get_by_label("Epochs", exact=True)).to_be_focused()
    expect(form.get_by_label("Epochs", exact=True)).to_have_attribute("aria-invalid", "true")
    watch.errors = [
        error for error in watch.errors if "422" not in error
    ]  # the browser reports the refusal too


def test_new_points_leave_the_zoom_alone(page: Page) -> None:
    submit(page, epochs="12", name="zoomed").get_by_role("link", name="zoomed").click()
    loss = chart(page, "Loss")
    loss.get_by_text("Table", exact=True).click(timeout=JOB_S)
    wait_for_more(page, lambda: rows_of(loss), 3)

    loss.locator(".plot").press("+")
    shown = loss.locator("figcaption span").inner_text()
    assert shown.startswith("Epochs ")
    seen = rows_of(loss)
    wait_for_more(page, lambda: rows_of(loss), seen)
    assert loss.locator("figcaption span").inner_text() == shown

    loss.locator(".plot").press("Escape")
    expect(loss.get_by_role("button", name="Show all")).to_be_hidden()
    page.get_by_role("button", name="Cancel zoomed").click()
    expect(page.locator(".pill")).to_have_text("cancelled", timeout=JOB_S)


def test_a_chart_is_read_by_keyboard(page: Page) -> None:
    submit(page, epochs="2", name="spoken").get_by_role("link", name="spoken").click()
    expect(page.locator(".pill")).to_have_text("succeeded", timeout=JOB_S)
    plot = chart(page, "Loss").locator(".plot")
    plot.press("ArrowRight")
    expect(chart(page, "Loss").get_by_role("status")).to_contain_text("Epoch 1: Training")
    plot.press("ArrowRight")
    expect(chart(page, "Loss").get_by_role("status")).to_contain_text("Epoch 2: Training")


def test_a_page_outlives_the_api(page: Page, service: Service, watch: Watch) -> None:
    os.kill(service.pid_of("api"), signal.SIGKILL)
    page.locator(".system-item", has_text="Reconnecting").wait_for()
    service.wait_until_ready()
    page.locator(".system-item", has_text="Live").wait_for()

    job = service.http.post("/jobs", json={"dataset": "digits", "epochs": 1, "name": "afterwards"})
    assert job.status_code == 202, job.text
    expect(page.get_by_role("link", name="afterwards")).to_be_visible()
    watch.errors = [error for error in watch.errors if not is_of_an_outage(error)]


def is_of_an_outage(error: str) -> bool:
    """What a browser reports while a service is away."""
    return "net::ERR_" in error or "status of 503" in error


def test_production_is_moved_to_another_version(page: Page, service: Service) -> None:
    for _ in range(2):
        train(service, "moved")
    page.get_by_role("link", name="Models").click()
    versions = page.locator(".card", has=page.get_by_role("heading", name="moved", exact=True)).locator(
        "tbody tr"
    )
    expect(versions).to_have_count(2)
    expect(versions.nth(1)).to_contain_text("production")
    versions.nth(0).get_by_role("button", name="Make production").click()
    expect(versions.nth(0).locator(".badge")).to_have_text("production")
    assert service.http.get("/models/moved").json()["version"] == 2


def train(service: Service, name: str) -> dict[str, Any]:
    """A finished job of one epoch."""
    job: dict[str, Any] = service.http.post(
        "/jobs", json={"dataset": "digits", "epochs": 1, "name": name}
    ).json()
    while job["status"] in {"queued", "running"}:
        job = service.http.get(f"/jobs/{job['id']}", params={"wait_s": 30}).json()
    assert job["status"] == "succeeded", job
    return job


def test_the_theme_is_remembered(page: Page) -> None:
    def brightness() -> int:
        colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))

    assert brightness() > 600
    page.get_by_label("Dark").check()
    assert brightness() < 150
    page.reload()
    assert brightness() < 150
    expect(page.get_by_label("Dark")).to_be_checked()


def test_the_api_docs_need_no_network(page: Page, service: Service) -> None:
    page.goto(f"{service.url}/docs")
    expect(page.locator(".opblock").first).to_be_visible()
