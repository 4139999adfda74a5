"""A batch in the dashboard: begun with the form, followed, filtered by class and confidence, looked at, downloaded, deleted."""

import io
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from ninefold.client.transport import Json
from tests.browser.forms import JOB_MS
from tests.e2e.service import Service

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def archive(few_digits: Path) -> FilePayload:
    """A zip of 30 digits and a file that is no image."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("notes.txt", "no image")
        for path in sorted(few_digits.rglob("[0-2].png")):
            archive.write(path, path.relative_to(few_digits))
    return {"name": "new digits.zip", "mimeType": "application/zip", "buffer": file.getvalue()}


def wait_for_picture(page: Page, picture: Locator) -> None:
    page.wait_for_function("image => image.naturalWidth > 0", arg=picture.element_handle())


def test_a_zip_and_a_split_are_classified_and_their_rows_are_looked_at(
    page: Page, service: Service, trained: Json, archive: FilePayload
) -> None:
    page.goto(f"{service.url}/#/models/{trained['result']['model']['id']}")
    form = page.locator(".prediction-form")
    with service.frozen_light_worker():
        form.locator("#batch-zip").set_input_files(archive)
        expect(form).to_contain_text("new digits")
        form.get_by_text("Options", exact=True).click()
        form.get_by_label("Unsure below (%)").fill("100")
        form.get_by_role("button", name="Classify").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("trained:1 on a zip of"))
        expect(page.get_by_role("button", name="Cancel")).to_be_visible()
        expect(page.locator(".import-progress")).to_contain_text("waits for a worker")
    figures = page.locator(".prediction-figures")
    expect(figures).to_contain_text("31", timeout=JOB_MS)  # told by the event of its end
    tiles = page.locator("button.tile")
    expect(tiles).to_have_count(31)
    expect(tiles.filter(has_text="not classified")).to_have_count(1)
    wait_for_picture(page, page.locator("button.tile img").first)

    prediction_id = page.url.rpartition("/")[2]
    check_filters(page, list(service.client.prediction_rows(prediction_id, status="ok")))

    page.get_by_role("link", name="All batches").click()
    listed = page.locator(f"[data-prediction={prediction_id}]")
    expect(listed).to_contain_text("31 images, 30 unsure, 1 not classified")
    form.get_by_label("Dataset", exact=True).select_option(label="few-digits")
    form.get_by_label("Images of the dataset").select_option("all")
    form.get_by_role("button", name="Classify").click()
    expect(tiles).to_have_count(60, timeout=JOB_MS)  # a page of 80
    wait_for_picture(page, page.locator("button.tile img").first)
    page.get_by_role("button", name="More images").click()
    expect(tiles).to_have_count(80)
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Batches", level=1)).to_be_visible()
    expect(page.locator("[data-prediction]")).to_have_count(1)


def check_filters(page: Page, answered: list[Json]) -> None:
    """Choose by class, by confidence and by order, with the keyboard; look at an image; download what is chosen."""
    label = answered[0]["label"]
    of_label = sorted((row for row in answered if row["label"] == label), key=lambda row: row["score"])
    tiles, grid = page.locator("button.tile"), page.locator(".image-grid li")
    page.locator(".prediction-classes").get_by_role("button", name=label, exact=True).press("Enter")
    expect(tiles).to_have_count(len(of_label))
    page.get_by_label("Order").select_option("lowest")
    expect(grid.first).to_have_attribute("data-row", str(of_label[0]["index"]))
    page.reload()  # the address keeps the filters
    expect(grid.first).to_have_attribute("data-row", str(of_label[0]["index"]))
    expect(tiles).to_have_count(len(of_label))

    tiles.first.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text(label)
    expect(dialog).to_contain_text(of_label[0]["file"])
    page.keyboard.press("Escape")
    expect(tiles.first).to_be_focused()

    page.get_by_role("button", name="Show all").click()
    bins = page.locator(".histogram-bar")
    expect(bins).to_have_count(20)
    place = min(19, int(20 * answered[0]["score"]))
    within = [
        row
        for row in answered
        if place / 20 <= row["score"] < (place + 1) / 20 or place == 19 <= 20 * row["score"]
    ]
    bins.nth(place).click()
    expect(tiles).to_have_count(len(within))
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert len(download.value.path().read_text().splitlines()) == 1 + len(within)
    page.get_by_label("Answers").select_option("error")
    expect(page.get_by_text("No image matches.")).to_be_visible()
