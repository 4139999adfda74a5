"""Takes the screenshots in docs/images: `python -m pytest tests/browser/screenshots.py`. Tests nothing."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.photos import make_photos, zip_of
from tests.browser.test_datasets import archive, upload
from tests.e2e.service import Service

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

FOLDER = Path(__file__).parents[2] / "docs" / "images"
PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1280, "height": 900}


def save_screenshots(page: Page, name: str, *, full: bool = False) -> None:
    """Save the page in the light and in the dark theme."""
    for scheme in ("Light", "Dark"):
        page.get_by_label(scheme, exact=True).evaluate("radio => radio.click()")  # a dialog may be above it
        page.mouse.move(0, 0)
        page.wait_for_timeout(600)
        expect(page.locator(".toast.is-shown")).to_have_count(0, timeout=10_000)
        page.screenshot(path=FOLDER / f"{name}-{scheme.lower()}.png", full_page=full)


def test_take_screenshots(page: Page, service: Service, few_digits: Path) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    client = service.client
    client.wait(client.submit("few-digits", epochs=20)["id"])
    client.wait(client.submit("few-digits", epochs=30, name="digits-long")["id"])
    client.wait(client.submit("few-digits", epochs=15, seed=1)["id"])
    running = client.submit("few-digits", epochs=400, name="night-run")["id"]
    client.submit("few-digits", epochs=20, name="next-idea", label_smoothing=0.05)

    page.goto(f"{service.url}/#/jobs/{running}")
    service.wait_for_epoch(running, 60)
    save_screenshots(page, "job")
    page.get_by_role("link", name="All jobs").click()
    save_screenshots(page, "jobs")
    page.set_viewport_size(PHONE)
    save_screenshots(page, "phone", full=True)
    page.set_viewport_size(DESK)

    with service.frozen_light_worker():
        upload(page, archive(few_digits, "our-pets.zip", "0/0.png"))
        page.get_by_text("our-pets waits for a worker").wait_for()
        page.get_by_role("button", name="Train").click()
        page.get_by_text("waiting for the dataset").wait_for()
        save_screenshots(page, "upload")
        page.get_by_role("button", name="Cancel the upload").click()

    page.get_by_role("link", name="Classify").click()
    for _ in range(2):  # the first one loads the model
        page.reload()
        page.locator("#model option").first.wait_for(state="attached")
        page.get_by_label("Drop images here").set_input_files(
            [few_digits / label / "0.png" for label in "358"]
        )
        expect(page.locator(".result[data-label]")).to_have_count(3)
    save_screenshots(page, "classify")
    page.get_by_role("link", name="Models").click()
    page.locator("table.models").first.wait_for()
    save_screenshots(page, "models")
    client.cancel(running)

    page.set_viewport_size({"width": DESK["width"], "height": 1500})
    models = [model for model in client.models() if model["name"] == "few-digits"]
    page.goto(f"{service.url}/#/models/{models[0]['id']}")
    page.locator(".matrix .cell").first.wait_for()
    save_screenshots(page, "model")
    page.goto(f"{service.url}/#/compare?models={models[0]['id']},{models[1]['id']}")
    page.locator(".model-groups table").first.wait_for()
    save_screenshots(page, "comparison")
    page.set_viewport_size(DESK)


def test_take_screenshots_of_datasets(page: Page, service: Service, tmp_path: Path) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    photos = make_photos(tmp_path / "photos")
    page.get_by_role("link", name="Datasets", exact=True).click()
    page.get_by_label("Choose a zip").set_input_files(zip_of(photos, "photos.zip"))
    page.get_by_role("button", name="Upload", exact=False).click()
    page.locator(".findings img").first.wait_for()
    page.set_viewport_size({"width": DESK["width"], "height": 1500})
    save_screenshots(page, "dataset")
    page.set_viewport_size({"width": PHONE["width"], "height": 1500})
    save_screenshots(page, "dataset-phone")
    page.set_viewport_size(DESK)

    page.get_by_role("link", name="See the images").click()
    page.locator(".tile[aria-label]").first.focus()
    for key in ("ArrowRight", "x", "ArrowRight", "ArrowRight", "3"):
        page.keyboard.press(key)
    save_screenshots(page, "images")
    page.set_viewport_size(PHONE)
    save_screenshots(page, "images-phone")
    page.set_viewport_size(DESK)
    page.locator(".tile[aria-label]").first.click()
    save_screenshots(page, "image")
    page.keyboard.press("Escape")

    page.get_by_role("link", name="Datasets", exact=True).click()
    page.get_by_role("link", name="photos", exact=True).wait_for()
    save_screenshots(page, "datasets")
