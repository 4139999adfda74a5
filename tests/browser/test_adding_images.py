"""Images that a person drops on a page: a folder from the file manager, and images for the next version of a dataset."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.adding import IMPORT_MS, add, drag_folder
from tests.handwritten import digit_images

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_a_folder_that_is_dragged_from_outside_is_zipped_by_the_browser(page: Page, photos: Path) -> None:
    page.get_by_role("link", name="Datasets", exact=True).click()
    drag_folder(page, photos, page.locator(".drop-dataset"))
    expect(page.get_by_label("Name of the new dataset")).to_have_value("my-photos")
    page.get_by_label("Name of the new dataset").fill("dragged")
    page.get_by_role("button", name="Upload 27 files", exact=False).click()
    expect(page.get_by_role("heading", name="dragged", level=1)).to_be_visible(timeout=IMPORT_MS)
    expect(page.locator(".dataset-about")).to_contain_text("26 images in 3 classes")


def test_images_are_added_to_the_next_version(page: Page, photos: Path, tmp_path: Path) -> None:
    add(page, photos, "growing")
    further = tmp_path / "further"
    for label in (5, 7):
        (further / str(label)).mkdir(parents=True)
        for number, image in enumerate(digit_images(label, 14)[8:]):
            image.save(further / str(label) / f"{number}.png")
    page.get_by_role("button", name="Add images").click()
    part = page.get_by_role("region", name="Add images")
    part.get_by_label("Choose a folder").set_input_files(further)
    part.get_by_label("Note of the version").fill("more digits")
    page.keyboard.press("Enter")
    expect(page.locator(".view-head")).to_contain_text("version 2", timeout=IMPORT_MS)
    expect(page.locator(".dataset-about")).to_contain_text("38 images in 5 classes")
    expect(page.locator(".version-table tbody tr").first).to_contain_text("more digits")

    page.get_by_role("link", name="See the images").click()
    page.locator(".tile[aria-label]").first.focus()
    page.keyboard.press("x")
    page.locator("a.back").click()
    page.get_by_role("button", name="Add images").click()
    expect(part).to_contain_text("First make a version of your corrections")


def test_images_that_make_no_version_say_why(page: Page, photos: Path) -> None:
    add(page, photos, "grown")
    page.get_by_role("button", name="Add images").click()
    part = page.get_by_role("region", name="Add images")
    part.get_by_label("Choose a folder").set_input_files(photos)
    part.get_by_role("button", name="Upload 27 files", exact=False).click()
    expect(part).to_contain_text("The images were not added. Nothing changed", timeout=IMPORT_MS)
    expect(page.locator(".view-head")).to_contain_text("version 1")
