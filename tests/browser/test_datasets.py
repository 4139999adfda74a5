"""Uploading images in the dashboard, and jobs that wait for them."""

import io
import os
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Locator, Page, Route, expect

from tests.browser.page_monitor import PageMonitor
from tests.e2e.service import Service

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

IMPORT_MS = 120_000


def archive(folder: Path, name: str, *left_out: str) -> FilePayload:
    """A zip of the folder without some images, so that it is a dataset of its own."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as target:
        for path in sorted(folder.rglob("*.png")):
            if str(path.relative_to(folder)) not in left_out:
                target.write(path, path.relative_to(folder))
        target.writestr("0/notes.txt", "no image")
    return {"name": name, "mimeType": "application/zip", "buffer": file.getvalue()}


def upload(page: Page, file: FilePayload) -> Locator:
    """Choose a file in the form and confirm the suggested name; return the form."""
    form = page.get_by_role("complementary", name="New job")
    form.get_by_label("Upload images").set_input_files(file)
    form.get_by_role("button", name="Upload", exact=False).click()
    return form


def test_an_uploaded_zip_becomes_the_dataset_of_the_form(page: Page, few_digits: Path) -> None:
    form = upload(page, archive(few_digits, "My Own.ZIP", "0/0.png"))
    result = form.get_by_role("status")
    expect(result).to_contain_text("my-own is ready: 79 images in 10 classes.", timeout=IMPORT_MS)
    expect(result).to_contain_text("1 file was skipped:0/notes.txt: not an image")
    expect(form.get_by_label("Dataset", exact=True)).to_have_value("my-own")
    expect(form.locator(".preview")).to_contain_text("Will run")


def test_a_large_upload_goes_on_after_lost_connections(
    page: Page, few_digits: Path, monitor: PageMonitor
) -> None:
    file = archive(few_digits, "large.zip", "0/1.png")
    large = io.BytesIO(file["buffer"])
    with zipfile.ZipFile(large, "a") as target:
        target.writestr("0/noise.bin", os.urandom(17 << 20))
    parts: list[str] = []

    def lose_every_other(route: Route) -> None:
        if route.request.method != "PATCH":
            route.continue_()
            return
        parts.append(route.request.headers["upload-offset"])
        if len(parts) % 2:
            route.abort()
        else:
            route.continue_()

    page.route("**/uploads/imp_*", lose_every_other)
    form = page.get_by_role("complementary", name="New job")
    form.get_by_label("Upload images").set_input_files({**file, "buffer": large.getvalue()})
    form.get_by_text("Options for tables and folders").click()
    form.get_by_label("Class folder").select_option("outer")
    with page.expect_request("**/uploads") as created:
        form.get_by_role("button", name="Upload", exact=False).click()
    assert created.value.headers["upload-metadata"] == "name bGFyZ2U=,class_folder b3V0ZXI="
    expect(form).to_contain_text("large is ready", timeout=IMPORT_MS)
    assert parts == ["0", "0", str(16 << 20), str(16 << 20)]
    monitor.expected = ("net::ERR_",)  # the lost connections


def test_a_rejected_zip_shows_the_reason_and_leaves_the_selection(page: Page) -> None:
    form = page.get_by_role("complementary", name="New job")
    form.get_by_label("Dataset", exact=True).select_option("few-digits")
    upload(page, archive(Path("/nonexistent"), "words.zip"))
    expect(form.get_by_role("status")).to_contain_text(
        "words was not added. At least 2 classes are needed", timeout=IMPORT_MS
    )
    expect(form.get_by_label("Dataset", exact=True)).to_have_value("few-digits")
    expect(form.get_by_label("Upload images")).to_be_attached()


def test_a_file_that_is_no_zip_is_refused(page: Page, monitor: PageMonitor) -> None:
    form = upload(page, {"name": "cats.zip", "mimeType": "application/zip", "buffer": b"these are no cats"})
    expect(form.get_by_role("status")).to_contain_text("cats was not added. These bytes are not a zip.")
    # The browser reports the 415 response as an error, too.
    monitor.expected = ("415",)


def leaves(folder: Path) -> FilePayload:
    """A zip of images in no folders, with a table whose columns of numbers and kinds may both hold the classes."""
    file = io.BytesIO()
    rows = ["id,age,kind,place"]
    with zipfile.ZipFile(file, "w") as target:
        for number, path in enumerate(sorted(folder.rglob("*.png"))[:24]):
            target.write(path, f"{number}.png")
            rows.append(f"{number},{number % 4},{'oak' if number % 2 else 'elm'},{number % 3 + 100}")
        target.writestr("leaves.csv", "\n".join(rows))
    return {"name": "leaves.zip", "mimeType": "application/zip", "buffer": file.getvalue()}


def test_a_zip_whose_classes_are_not_certain_is_sent_again_with_options(page: Page, few_digits: Path) -> None:
    form = upload(page, leaves(few_digits))
    expect(form.get_by_role("status")).to_contain_text("leaves was not added.", timeout=IMPORT_MS)
    expect(form.get_by_role("status")).to_contain_text("label_column")
    expect(form.get_by_label("Labels", exact=True)).to_be_focused()  # the keyboard alone suffices
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(form.get_by_label("Label column")).to_be_focused()
    page.keyboard.type("colour")
    page.keyboard.press("Enter")
    expect(form.get_by_role("status")).to_contain_text("leaves.csv has no column 'colour'", timeout=IMPORT_MS)
    form.get_by_label("Label column").fill("kind")
    form.get_by_label("Min images").fill("0")
    form.get_by_role("button", name="Upload", exact=False).click()
    expect(form.get_by_label("Min images")).to_be_focused()  # the browser says that 1 is the least
    form.get_by_label("Min images").fill("2")
    form.get_by_role("button", name="Upload", exact=False).click()
    expect(form.get_by_role("status")).to_contain_text(
        "leaves is ready: 24 images in 2 classes.", timeout=IMPORT_MS
    )
    expect(form.get_by_label("Dataset", exact=True)).to_have_value("leaves")
    expect(form.get_by_label("Label column")).to_be_hidden()


def test_a_job_waits_for_an_import_until_it_is_cancelled(
    page: Page, service: Service, few_digits: Path
) -> None:
    with service.frozen_light_worker():
        form = upload(page, archive(few_digits, "later.zip", "1/0.png"))
        expect(form.get_by_text("later waits for a worker")).to_be_visible()
        expect(form.get_by_label("Dataset", exact=True)).to_have_value("later")
        expect(form.locator(".preview")).to_contain_text("chosen when the dataset is ready")
        form.get_by_role("button", name="Train").click()
        page.get_by_role("link", name="later", exact=True).click()
        expect(page.locator(".job-note")).to_have_text("waiting for the dataset later")
        expect(page.locator(".details")).to_contain_text("Chosen when the dataset is ready: recipe, epochs,")

        page.get_by_role("link", name="All jobs").click()
        page.reload()  # the page finds the import under way
        form.get_by_role("button", name="Cancel the upload").click()
        expect(form.get_by_role("status")).to_have_text("The import was cancelled.")
        expect(form.get_by_label("Dataset", exact=True)).to_have_value("digits")
    row = page.locator(".job-row", has=page.get_by_role("link", name="later", exact=True))
    expect(row).to_contain_text("The dataset later was not imported.", timeout=IMPORT_MS)


def test_a_job_on_an_import_trains_when_the_dataset_is_ready(
    page: Page, service: Service, few_digits: Path
) -> None:
    with service.frozen_light_worker():
        form = upload(page, archive(few_digits, "soon.zip", "2/0.png"))
        expect(form.get_by_text("soon waits for a worker")).to_be_visible()
        form.get_by_label("Epochs", exact=True).fill("1")
        form.get_by_role("button", name="Train").click()
        page.get_by_role("link", name="soon", exact=True).click()
        expect(page.locator(".job-note")).to_have_text("waiting for the dataset soon")
    expect(page.locator(".pill")).to_have_text("succeeded", timeout=120_000)
    expect(page.locator(".details")).to_contain_text("Resolved settings")
    expect(page.get_by_text("on soon")).to_be_visible()
