"""The dashboard in a real browser, against the whole service."""

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Page, Route, expect

from tests.browser.conftest import KEY, QUEUED, QUICK
from tests.browser.forms import JOB_MS, open_new_job
from tests.browser.page_monitor import PageMonitor
from tests.e2e.service import ENDLESS, Service
from tests.ninefold.processes import eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def chart(page: Page, title: str) -> Locator:
    """Find a chart and open its table."""
    figure = page.locator("figure", has=page.get_by_role("heading", name=title, exact=True))
    table = figure.locator("details")
    while table.get_attribute("open") is None:  # lines that appear above it may move it away from the click
        figure.get_by_text("Table", exact=True).click(timeout=JOB_MS)
    return figure


def rows_of(figure: Locator) -> int:
    """Number of epochs in the table of a chart."""
    return figure.locator(".chart-table tbody tr").count()


def wait_for_more(page: Page, count: Callable[[], int], than: int) -> int:
    """Wait until `count` returns more than `than` without a reload of the page; return the new count."""
    for _ in range(JOB_MS // 100):
        if (now := count()) > than:
            return now
        page.wait_for_timeout(100)
    raise AssertionError(f"never more than {than}")


def test_a_job_is_submitted_and_watched_and_its_model_classifies_an_image(
    page: Page, digit: FilePayload
) -> None:
    open_new_job(page, "sevens", epochs=5)
    accuracy = chart(page, "Accuracy")

    expect(page.locator(".pill")).to_have_text("succeeded", timeout=JOB_MS)
    expect(accuracy.locator(".chart-table tbody tr")).to_have_count(5)
    expect(accuracy.locator(".chart-summary")).to_contain_text("Validation")
    expect(page.locator(".figures")).to_contain_text("95 %:")
    expect(page.get_by_text("on few-digits ·")).to_be_visible()
    accuracy.locator(".plot").press("ArrowRight")
    expect(accuracy.get_by_role("status")).to_contain_text("Epoch 1: Training")

    page.get_by_role("link", name="Classify an image").click()
    page.locator("#model option").first.wait_for(state="attached")
    page.get_by_label("Drop images here").set_input_files(digit)
    result = page.locator(".result")
    expect(result.get_by_role("listitem")).to_have_count(5)
    expect(result.get_by_role("heading")).to_contain_text("%")
    expect(result).to_contain_text("sevens:1")

    page.get_by_label("Sets of labels").select_option("right for 80 % of images")
    page.get_by_label("Drop images here").set_input_files(digit)
    expect(result).to_have_count(2)
    expect(result.first).to_contain_text("One of: ")
    expect(result.first).to_contain_text("coverage=0.8")
    page.reload()
    page.locator("#model option").first.wait_for(state="attached")
    page.get_by_label("Drop images here").set_input_files(digit)
    expect(result).to_have_count(1)

    result.get_by_role("button", name="Where it looked").click()
    expect(result).to_contain_text("The brighter a place")
    expect(result.get_by_role("img", name="Where the evidence for")).to_be_visible()
    result.get_by_role("button", name="Where it looked", pressed=True).click()
    expect(result.get_by_role("img", name="Where the evidence for")).to_have_count(0)


def test_an_invalid_field_shows_its_error(page: Page, monitor: PageMonitor) -> None:
    form = page.get_by_role("complementary", name="New job")
    epochs = form.get_by_label("Epochs", exact=True)
    epochs.fill("0")
    form.get_by_role("button", name="Train").click()

    expect(form.locator("#error-epochs")).to_contain_text("1")
    expect(epochs).to_be_focused()
    expect(epochs).to_have_attribute("aria-invalid", "true")
    # The browser reports the 422 response as an error, too.
    monitor.expected = ("422",)


def test_new_points_keep_the_zoom_and_the_job_is_paused_classifies_is_resumed_and_stopped(
    page: Page, digit: FilePayload
) -> None:
    open_new_job(page, "held", epochs=ENDLESS)
    loss = chart(page, "Loss")
    wait_for_more(page, lambda: rows_of(loss), 3)

    loss.locator(".plot").press("+")
    shown = loss.locator("figcaption span")
    expect(shown).to_contain_text("Epochs")
    zoom, seen = shown.inner_text(), rows_of(loss)
    wait_for_more(page, lambda: rows_of(loss), seen)
    assert shown.inner_text() == zoom
    loss.locator(".plot").press("Escape")
    expect(loss.get_by_role("button", name="Show all")).to_be_hidden()

    expect(page.get_by_role("button", name="Stop held")).to_be_visible()
    pill = page.locator(".pill")
    page.get_by_role("button", name="Pause held").click()
    expect(pill).to_have_text("paused", timeout=JOB_MS)
    page.get_by_role("link", name="Classify an image").click()
    expect(page.locator("#model option:checked")).to_contain_text("held, best epoch so far of job_")
    page.get_by_label("Drop images here").set_input_files(digit)
    expect(page.locator(".result")).to_contain_text(re.compile(r"epoch \d+ of job_"))
    page.go_back()
    page.get_by_role("button", name="Resume held").click()
    expect(pill).to_have_text("running", timeout=JOB_MS)
    page.get_by_role("button", name="Stop held").click()
    expect(pill).to_have_text("succeeded", timeout=JOB_MS)
    expect(page.get_by_role("link", name="Classify an image")).to_be_visible()


def test_a_page_reconnects_after_the_api_was_killed(
    page: Page, service: Service, monitor: PageMonitor
) -> None:
    service.kill_role("api")
    page.locator(".system-item", has_text="Reconnecting").wait_for()
    page.locator(".system-item", has_text="Live").wait_for(timeout=JOB_MS)
    eventually(lambda: httpx.get(f"{service.url}/readyz").is_success, 60, "the predictor is ready again, too")

    service.client.submit("few-digits", name="afterwards", **QUEUED)
    expect(page.get_by_role("link", name="afterwards")).to_be_visible()
    monitor.expected = ("net::ERR_", "status of 503")


def test_a_version_that_is_not_better_is_refused_with_the_numbers_and_a_button_puts_it_into_production(
    page: Page, service: Service, monitor: PageMonitor, digit: FilePayload
) -> None:
    for promote in ("first", "if_better"):
        job = service.client.submit("few-digits", name="gated", seed=3, promote=promote, **QUICK)
        job = service.client.wait(job["id"])
    assert job["result"]["promotion"]["outcome"] == "not_better"  # the same seed makes the same model
    assert (job["spec"]["promote"], job["spec"]["promote_metric"]) == ("if_better", "accuracy")
    page.goto(f"{service.url}/#/jobs/{job['id']}")
    expect(page.get_by_text("gated:2 is not shown to be better than gated:1").first).to_be_visible()

    page.get_by_role("link", name="Models").click()
    card = page.locator(".card", has=page.get_by_role("heading", name="gated", exact=True))
    card.get_by_role("button", name="If better").click()
    expect(card.get_by_role("alert")).to_contain_text("gated:2 is not shown to be better than gated:1")
    card.get_by_text("History of production").click()
    changes = card.locator("details tbody tr")
    expect(changes.first).to_contain_text("1 stays 2 refused")

    newer, older = (
        card.locator("table").first.locator("tbody tr").nth(0),
        card.locator("table").first.locator("tbody tr").nth(1),
    )
    expect(older.locator(".badge")).to_have_text("production")
    newer.get_by_role("button", name="Make production").click()
    expect(newer.locator(".badge")).to_have_text("production")
    expect(older.locator(".badge")).to_have_count(0)
    expect(changes.first).to_contain_text("1 → 2")
    expect(changes.first).to_contain_text("tester")
    card.get_by_role("button", name="Roll gated back to version 1").click()
    expect(older.locator(".badge")).to_have_text("production")
    expect(changes.first).to_contain_text("2 → 1 rollback")
    expect(card.get_by_role("button", name="Roll gated back")).to_have_count(0)

    card.get_by_text("Least scores").click()
    card.get_by_label("Every other class").fill("1")
    card.get_by_role("button", name="Save").click()
    expect(changes.first).to_contain_text("1 stays")
    expect(changes.first).to_contain_text("unsure below 1")

    card.get_by_role("link", name="Compare").first.click()
    expect(page.get_by_role("heading", name="gated:2 against gated:1")).to_be_visible()
    expect(page.get_by_text("All settings are the same.")).to_be_visible()
    expect(page.get_by_text("log loss").first).to_be_visible()

    page.get_by_role("link", name="Classify").click()
    page.get_by_label("Model", exact=True).select_option("gated@production")
    page.get_by_label("Drop images here").set_input_files(digit)
    expect(page.locator(".result")).to_contain_text("Abstained: gated@production wants a score of at least")
    # The browser reports the 409 response as an error, too.
    monitor.expected = ("409",)


def test_the_form_of_a_clone_has_the_settings_of_the_original_job(page: Page, service: Service) -> None:
    job = service.client.submit("few-digits", name="original", epochs=3, seed=7, **QUEUED)
    page.goto(f"{service.url}/#/jobs/{job['id']}")
    page.get_by_role("link", name="Clone").click()
    form = page.get_by_role("complementary", name="New job")
    expect(form.get_by_label("Seed", exact=True)).to_have_value("7")
    expect(form.get_by_label("Dataset", exact=True)).to_have_value("few-digits")
    expect(form.get_by_label("Epochs", exact=True)).to_have_value("3")
    expect(form.get_by_label("Start from", exact=True)).to_have_value("random weights")


def test_a_rerun_opens_its_page_and_so_does_a_longer_training(page: Page, service: Service) -> None:
    job = service.client.submit("few-digits", name="once-more", seed=7, promote="never", **QUICK)
    page.goto(f"{service.url}/#/jobs/{job['id']}")
    service.client.wait(job["id"])
    page.get_by_role("button", name="Rerun").click()
    expect(page).not_to_have_url(re.compile(job["id"]))
    expect(page.locator(".job-note")).to_have_text(
        f"the weights are equal to those of {job['id']}", timeout=JOB_MS
    )

    page.get_by_role("button", name="Train longer").click()
    dialog = page.get_by_role("dialog", name="Train longer")
    dialog.get_by_label("How much longer").fill("1")
    dialog.get_by_role("button", name="Train longer").click()
    expect(page.locator(".job-note")).to_contain_text("after epoch 1", timeout=JOB_MS)
    longer = service.client.wait(page.url.rpartition("/")[2])
    assert (longer["status"], longer["result"]["model"]["version"]) == ("succeeded", 3)
    assert [row["epoch"] for row in service.client.metrics(longer["id"])] == [2]
    (ancestor,) = service.client.model(longer["result"]["model"]["id"])["lineage"]["ancestors"]
    assert ancestor["model"] == longer["spec"]["extended_from"]["model"]

    page.get_by_role("link", name="Compare").click()
    page.get_by_label("Add a job").select_option(job["id"])
    expect(page.get_by_role("row", name="epochs", exact=False).first).to_contain_text("2")
    expect(page.locator(".chart")).to_have_count(4)
    expect(page.get_by_text("2: once-more: ").first).to_contain_text("at epoch 1")
    expect(page.get_by_role("link", name="Compare their models")).to_be_visible()


def test_an_answer_to_a_request_from_before_the_sign_in_does_not_ask_again(
    browser: Browser, service: Service
) -> None:
    page = browser.new_page()
    held: list[Route] = []
    page.route("**/workers", lambda route: route.continue_() if held else held.append(route))
    page.goto(service.url)
    page.get_by_label("API key").fill(KEY)
    page.get_by_role("button", name="Sign in").click()
    page.locator(".system-item", has_text="Live").wait_for()
    held[0].fulfill(status=401, json={})
    page.locator(".system-item", has_text="workers").wait_for()
    expect(page.locator("dialog")).to_have_count(0)
    page.close()


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
