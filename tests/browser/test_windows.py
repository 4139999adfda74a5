"""Several windows of one browser, broken links, lost answers, and lists that are longer than one page."""

from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import APIResponse, Browser, FilePayload, Page, Route, expect

from ninefold import NinefoldError
from ninefold.client.transport import Json
from tests.browser.conftest import KEY, QUEUED, QUICK
from tests.browser.forms import JOB_MS, new_job_form, open_new_job
from tests.browser.page_monitor import PageMonitor
from tests.e2e.service import ENDLESS, Service

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

WINDOWS = 6
"""With the first one more than the six connections that a browser opens to a host."""


def test_many_windows_on_running_jobs_are_all_live(page: Page, service: Service) -> None:
    open_new_job(page, "shared", epochs=ENDLESS)
    windows = [page.context.new_page() for _ in range(WINDOWS)]
    for window in windows:
        window.goto(page.url)
    for window in windows:
        window.locator(".system-item", has_text="Live").wait_for()
        expect(window.get_by_role("heading", name="shared", level=1)).to_be_visible()
    epoch = windows[-1].locator(".figures dd").first
    expect(epoch).not_to_have_text("0", timeout=JOB_MS)
    seen = epoch.inner_text()
    expect(epoch).not_to_have_text(seen, timeout=JOB_MS)

    page.get_by_role("button", name="Cancel shared").click()
    for window in windows:
        expect(window.locator(".pill")).to_have_text("cancelled", timeout=JOB_MS)
        window.close()


def test_a_list_shows_the_progress_of_a_running_job_without_reading_it_again(
    page: Page, service: Service, monitor: PageMonitor
) -> None:
    job = service.client.submit("few-digits", epochs=ENDLESS, recipe="classic", name="moving")
    try:
        figure = page.locator(f"[data-job={job['id']}] .job-figures span").first
        expect(figure).to_contain_text("epoch", timeout=JOB_MS)
        page.route("**/jobs?*", lambda route: route.abort())
        for _ in range(2):
            seen = figure.inner_text()
            expect(figure).not_to_have_text(seen, timeout=JOB_MS)
    finally:
        service.client.cancel(job["id"])
    monitor.expected = ("net::ERR_",)


def test_a_change_of_a_job_while_its_page_reads_the_job_is_shown(page: Page, service: Service) -> None:
    job = service.client.submit("few-digits", name="changing", **QUEUED)
    page.goto(f"{service.url}/#/jobs/{job['id']}")
    pill = page.locator(".pill")
    expect(pill).to_have_text("queued")
    held: list[tuple[Route, APIResponse]] = []
    page.route(f"**/jobs/{job['id']}", lambda route: held.append((route, route.fetch())), times=1)
    service.client.pause(job["id"])
    for _ in range(JOB_MS // 100):
        if held:
            break
        page.wait_for_timeout(100)
    service.client.cancel(job["id"])
    page.wait_for_timeout(1_500)
    route, answer = held[0]
    assert answer.json()["status"] == "paused"
    route.fulfill(response=answer)
    expect(pill).to_have_text("cancelled")


def test_a_broken_link_shows_a_page(page: Page, service: Service, monitor: PageMonitor) -> None:
    for fragment in ("#/jobs/%", "#/constructor", "#/%E0%A4%A", "#/jobs/job_nothing"):
        page.goto(f"{service.url}/{fragment}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.get_by_role("link", name="Models", exact=True).click()
        expect(page.get_by_role("heading", name="Models", level=1)).to_be_visible()
    monitor.expected = ("404",)


def test_pressing_train_again_after_a_lost_answer_makes_one_job(
    page: Page, service: Service, monitor: PageMonitor
) -> None:
    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    form = new_job_form(page)
    form.get_by_label("Dataset", exact=True).select_option("few-digits")
    form.get_by_label("Epochs", exact=True).fill("1")
    form.get_by_label("Name", exact=True).fill("once")
    page.route("**/jobs", lose, times=1)
    form.get_by_role("button", name="Train").click()
    expect(form.get_by_role("alert").last).to_contain_text("does not answer")
    form.get_by_role("button", name="Train").click()
    expect(page.get_by_role("link", name="once", exact=True)).to_be_visible()
    assert len(list(service.client.jobs(name="once"))) == 1

    form.get_by_label("Name", exact=True).fill("once")  # the same settings again are meant
    form.get_by_role("button", name="Train").click()
    expect(page.get_by_role("link", name="once", exact=True)).to_have_count(2)
    for job in service.client.jobs(name="once"):
        with suppress(NinefoldError):  # it may have ended
            service.client.cancel(job["id"])
    monitor.expected = ("net::ERR_",)


def test_a_filter_finds_jobs_that_were_not_read_yet(page: Page, service: Service) -> None:
    old = service.client.submit("few-digits", name="old", **QUEUED)
    service.client.cancel(old["id"])
    service.client.submit("few-digits", name="new", **QUEUED)
    # With one job a page, the first page does not have the old job.
    page.route("**/jobs?limit=50*", lambda route: route.continue_(url=route.request.url.replace("=50", "=1")))
    page.reload()
    expect(page.locator(".job-row")).to_have_count(1)
    page.get_by_label("Failed", exact=True).check()
    expect(page.get_by_role("link", name="old", exact=True)).to_be_visible()


def test_models_that_cannot_be_read_are_not_asked_for_again_and_again(
    page: Page, service: Service, monitor: PageMonitor, trained: Json
) -> None:
    page.get_by_role("link", name="Models", exact=True).click()
    expect(page.get_by_role("heading", name=trained["spec"]["name"], exact=True)).to_be_visible()
    asked: list[str] = []

    def lose(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    page.route("**/models?*", lose)
    service.client.wait(service.client.submit("few-digits", name="unseen", **QUICK)["id"])
    expect(page.locator(".model-groups > .notice")).to_be_visible(timeout=JOB_MS)
    page.wait_for_timeout(500)
    assert len(asked) < 50  # one for each job that succeeded meanwhile; without a pause there are hundreds
    monitor.expected = ("net::ERR_",)


def test_many_large_photos_are_sent_in_several_requests(
    page: Page, trained: Json, digit: FilePayload, tmp_path: Path
) -> None:
    page.get_by_role("link", name="Classify", exact=True).click()
    page.locator("#model option").first.wait_for(state="attached")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if "/predict" in request.url else None)
    files = [tmp_path / f"{number}.png" for number in range(9)]
    for file in files:
        file.write_bytes(digit["buffer"] + bytes(3_000_000))
    page.get_by_label("Drop images here").set_input_files(files)
    expect(page.locator(".result h2 .score")).to_have_count(9, timeout=JOB_MS)
    assert len(sent) == 2


def test_commands_to_copy_have_the_key_and_one_can_sign_out(
    page: Page, service: Service, monitor: PageMonitor, trained: Json
) -> None:
    page.goto(f"{service.url}/#/jobs/{trained['id']}")
    page.get_by_text("As curl").click()
    expect(page.locator(".snippet pre")).to_contain_text('-H "Authorization: Bearer $NINEFOLD_API_KEY"')
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("API key").wait_for()
    monitor.expected = ("401",)


def test_a_refused_stream_is_asked_for_again_but_not_without_pause(
    browser: Browser, service: Service
) -> None:
    """In a browser without shared workers, where the page itself holds the stream."""
    page = browser.new_page()
    asked: list[str] = []
    page.add_init_script("delete globalThis.SharedWorker")
    page.goto(service.url)
    page.get_by_label("API key").fill(KEY)
    page.get_by_role("button", name="Sign in").click()
    page.locator(".system-item", has_text="Live").wait_for()

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=503, json={"code": "too_many_watchers", "detail": "Full."})

    page.route("**/events?*", refuse)
    page.reload()
    for _ in range(JOB_MS // 100):
        if asked:
            break
        page.wait_for_timeout(100)
    page.wait_for_timeout(5_000)
    assert 1 <= len(asked) <= 4
    page.unroute("**/events?*")
    page.locator(".system-item", has_text="Live").wait_for()
    page.close()
