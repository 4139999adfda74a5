"""The page of one model: its scores, the confusion matrix and the images behind a cell."""

import re

import pytest
from playwright.sync_api import Page, expect

from ninefold.client.transport import Json
from tests.browser.conftest import QUEUED
from tests.browser.forms import JOB_MS
from tests.e2e.service import Service

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]


def test_a_cell_of_the_confusion_matrix_shows_its_images(page: Page, service: Service) -> None:
    client = service.client
    job = client.wait(client.submit("few-digits", epochs=6, seed=3, name="evaluated")["id"])
    evaluation = client.evaluation(job["result"]["model"]["id"])
    page.get_by_role("link", name="Models").click()
    page.get_by_role("link", name="evaluated version 1").click()
    expect(page.get_by_role("heading", name="evaluated:1")).to_be_visible()
    figures = page.locator(".model-figures")
    expect(figures).to_contain_text(f"{evaluation['accuracy']:.1%}".replace("%", " %"))
    expect(figures).to_contain_text(f"on {evaluation['images']} images")

    row, column = most_frequent(evaluation["confusion_matrix"])
    names = [one["name"] for one in evaluation["classes"]]
    count = evaluation["confusion_matrix"][row][column]
    cell = page.locator(".matrix tbody tr").nth(row).locator(".cell").nth(column)
    expect(cell).to_have_text(str(count))
    cell.focus()
    page.keyboard.press("Enter")
    images = page.get_by_role("region", name="Images", exact=True)
    expect(images.locator("[data-image]")).to_have_count(count)
    picture = images.locator("img").first
    picture.scroll_into_view_if_needed()
    page.wait_for_function("image => image.naturalWidth > 0", arg=picture.element_handle())
    listed = list(
        client.evaluation_images(job["result"]["model"]["id"], label=names[row], predicted=names[column])
    )
    expect(images.locator("[data-image]").first).to_have_attribute("data-image", listed[0]["image"])
    images.get_by_role("button", name="Where it looked").first.click()
    expect(images.locator("canvas")).to_be_visible(timeout=JOB_MS)
    assert client.explain_image(listed[0])["explanation"]["label"] == listed[0]["predicted"]
    page.reload()  # the address keeps the cell
    expect(images.locator("[data-image]")).to_have_count(count)
    images.get_by_role("button", name="Close").click()
    expect(images).to_be_hidden()

    page.locator(".cell").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".cell:focus")).to_have_attribute(
        "aria-label", re.compile(rf"images of {names[1]} are taken for {names[0]}")
    )
    reliability = page.get_by_role("figure").filter(has_text="Reliability")
    reliability.get_by_text("Table").click()
    expect(reliability.locator("tbody tr")).to_have_count(len(evaluation["calibration"]["bins"]))
    scores = page.locator(".class-scores")
    expect(scores.locator("tbody tr")).to_have_count(len(names))
    scores.get_by_role("button", name="Class", exact=True).click()
    expect(scores.locator("tbody th").first).to_have_text(names[0])

    page.get_by_label("Evaluate on").select_option(label="few-digits")
    page.get_by_label("Which images").select_option("all")
    page.get_by_role("button", name="Evaluate", exact=True).click()
    run = page.locator("[data-evaluation]")
    expect(run).to_have_attribute("data-status", "succeeded", timeout=JOB_MS)
    run.get_by_role("link", name="few-digits").click()
    expect(page.locator(".run-notice")).to_contain_text("On the images of few-digits")
    expect(page.locator(".training-overlap")).to_contain_text("The model was trained on")
    expect(figures).to_contain_text("on 80 images")
    page.locator(".cell.is-right").first.click()
    expect(images.locator("img").first).to_be_visible()

    page.get_by_text("Download", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="All in one zip").click()
    page.get_by_role("link", name="Models", exact=True).click()
    page.get_by_label("Import a model").set_input_files(download.value.path())
    note = page.locator(".import-note")
    expect(note).to_contain_text("evaluated: version 2 was imported", timeout=JOB_MS)
    page.get_by_role("link", name="evaluated version 2").click()
    expect(page.locator(".model-about")).to_contain_text("imported from evaluated:1")


def most_frequent(matrix: list[list[int]]) -> tuple[int, int]:
    """Return the row and the column of the largest cell."""
    return max(
        ((row, column) for row in range(len(matrix)) for column in range(len(matrix))),
        key=lambda place: matrix[place[0]][place[1]],
    )


def test_no_page_is_wider_than_a_phone(page: Page, service: Service, trained: Json) -> None:
    long_name = "greenhouse-inventory-of-all-cameras-in-spring-and-summer-2026"
    queued = service.client.submit("few-digits", name=long_name, **QUEUED)["id"]
    model = trained["result"]["model"]["id"]
    page.set_viewport_size({"width": 390, "height": 844})
    for address in (
        *("jobs", f"jobs/{queued}", f"compare?jobs={queued},{trained['id']}", "models", f"models/{model}"),
        *("datasets", "datasets/few-digits", "datasets/few-digits/images", "classify", "predictions"),
    ):
        page.evaluate("address => { location.hash = `#/${address}`; }", address)
        expect(page.locator("main h1")).to_be_visible()
        expect(page.locator("main")).not_to_contain_text("Loading…", use_inner_text=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
    service.client.cancel(queued)
