"""The pages of datasets: adding a zip or a folder, the report, the grid of images, and corrections by the keyboard alone."""

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.adding import IMPORT_MS, add
from tests.browser.page_monitor import PageMonitor
from tests.e2e.service import Service

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_a_dropped_zip_is_imported_and_its_report_leads_to_the_images_where_the_arrow_keys_move(
    page: Page, photos: Path
) -> None:
    add(page, photos, "dropped")
    expect(page.locator(".dataset-about")).to_contain_text("26 images in 3 classes")
    conflicts = page.locator("[data-code=label_conflicts]")
    expect(conflicts).to_contain_text("of another class")
    expect(conflicts.locator(".picture img")).to_have_count(2)
    assert conflicts.locator(".picture img").first.evaluate(
        "image => image.decode().then(() => image.naturalWidth)"
    )
    expect(page.locator("[data-code=skipped_files]")).to_contain_text("as CSV")
    expect(page.locator(".class-table tbody tr")).to_have_count(3)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert zipfile.is_zipfile(download.value.path())

    conflicts.get_by_role("link", name="All 2 images").click()
    expect(page.get_by_label("Finding", exact=True)).to_have_value("label_conflicts")
    expect(page.locator(".tile[aria-label]")).to_have_count(2)
    page.get_by_label("Finding", exact=True).select_option("")
    expect(page.get_by_text("26 images", exact=True)).to_be_visible()
    page.get_by_label("Class", exact=True).select_option("seven")
    expect(page.get_by_text("9 images", exact=True)).to_be_visible()
    page.reload()  # the address keeps the filters
    expect(page.get_by_text("9 images", exact=True)).to_be_visible()

    page.get_by_label("Class", exact=True).select_option("")
    tiles = page.locator(".tile[aria-label]")
    expect(tiles).to_have_count(26)
    tiles.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    expect(tiles.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    viewer = page.get_by_role("dialog", name="Image")
    first = viewer.locator(".facts").inner_text()
    page.keyboard.press("ArrowRight")
    expect(viewer.locator(".facts")).not_to_have_text(first)
    page.keyboard.press("Escape")
    expect(tiles.nth(2)).to_be_focused()


def test_a_folder_is_zipped_by_the_browser(page: Page, photos: Path) -> None:
    page.get_by_role("link", name="Datasets", exact=True).click()
    page.get_by_label("Choose a folder").set_input_files(photos)
    expect(page.get_by_label("Name of the new dataset")).to_have_value("my-photos")
    page.get_by_label("Name of the new dataset").fill("from-folder")
    page.get_by_role("button", name="Upload 27 files", exact=False).click()
    expect(page.get_by_role("heading", name="from-folder", level=1)).to_be_visible(timeout=IMPORT_MS)
    expect(page.locator(".dataset-about")).to_contain_text("26 images in 3 classes")


def test_images_are_corrected_by_the_keyboard_and_the_next_version_is_offered_for_training(
    page: Page, photos: Path
) -> None:
    add(page, photos, "corrected")
    page.locator("[data-code=label_conflicts]").get_by_role("link", name="All 2 images").press("Enter")
    tiles = page.locator(".tile[aria-label]")
    tiles.first.focus()
    page.keyboard.press("x")
    expect(tiles.first).to_have_attribute("data-mark", "removed")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    page.keyboard.press("u")
    expect(tiles.nth(1)).to_have_attribute("data-mark", "none")
    page.get_by_label("Finding", exact=True).select_option("blank_images")
    expect(tiles).to_have_count(1)
    tiles.first.focus()
    page.keyboard.press("t")  # a letter opens the list of classes, and the rest of the name narrows it
    expect(page.get_by_role("dialog").get_by_role("option")).to_have_text(
        ["three", "a-class-with-a-very-long-name-that-does-not-fit", "New class “t”"]
    )
    page.keyboard.press("Enter")
    expect(tiles.first).to_be_focused()
    expect(tiles.first).to_have_attribute("data-mark", "relabelled")

    page.reload()
    bar = page.get_by_role("region", name="Corrections")
    expect(bar).to_contain_text("1 relabelled, 1 removed")
    bar.get_by_label("Note of the version").fill("two mistakes")
    page.keyboard.press("Enter")
    expect(page.locator(".view-head")).to_contain_text("version 2", timeout=IMPORT_MS)
    expect(page.locator(".dataset-about")).to_contain_text("25 images in 3 classes")
    expect(page.locator("[data-code=label_conflicts]")).to_have_count(0)
    expect(page.locator(".version-table tbody tr")).to_have_count(2)
    expect(page.locator(".version-table tbody tr").first).to_contain_text("two mistakes")
    expect(bar).to_be_hidden()

    page.get_by_role("link", name="Train on it").click()
    form = page.get_by_role("complementary", name="New job")
    expect(form.get_by_label("Dataset", exact=True)).to_have_value("corrected")
    expect(form.locator(".preview")).to_contain_text("Will run")


def test_a_refused_correction_says_why_and_keeps_what_was_corrected(
    page: Page, photos: Path, monitor: PageMonitor
) -> None:
    add(page, photos, "refused")
    page.get_by_role("link", name="See the images").click()
    tiles = page.locator(".tile[aria-label]")
    expect(tiles).to_have_count(26)
    tiles.first.focus()
    page.keyboard.press("r")
    page.keyboard.type("../x")
    page.keyboard.press("Enter")
    bar = page.get_by_role("region", name="Corrections")
    bar.get_by_role("button", name="Make version").click()
    expect(bar.get_by_role("alert")).not_to_be_empty()
    expect(bar).to_contain_text("1 relabelled")
    bar.get_by_role("button", name="Discard all").click()
    tiles.first.focus()
    for _ in range(26):
        page.keyboard.press("x")
        page.keyboard.press("ArrowRight")
    bar.get_by_role("button", name="Make version").click()
    # No image is left: the import refuses that, and nothing is lost.
    expect(page.get_by_text("Your corrections are kept")).to_be_visible(timeout=IMPORT_MS)
    page.get_by_role("link", name="look at them again").click()
    expect(page.get_by_role("region", name="Corrections")).to_contain_text("26 removed")
    monitor.expected = ("422",)


def test_one_image_of_a_group_of_near_duplicates_is_kept(page: Page, photos: Path) -> None:
    (photos / "three" / "copy.png").write_bytes((photos / "three" / "0.png").read_bytes())
    add(page, photos, "copied")
    finding = page.locator("[data-code=near_duplicates]")
    finding.get_by_role("link", name="All").click()
    tiles = page.locator(".tile[aria-label]")
    tiles.first.focus()
    page.keyboard.press("k")
    bar = page.get_by_role("region", name="Corrections")
    expect(bar).to_contain_text("one kept of 1 group")
    group = page.locator("[data-mark=kept-one]").count()
    assert group >= 2
    page.keyboard.press("u")
    expect(bar).to_be_hidden()
    page.get_by_role("button", name="Keep one of each group shown").click()
    expect(page.locator("[data-mark=kept-one]")).to_have_count(tiles.count())
    bar.get_by_role("button", name="Make version").click()
    expect(page.locator(".view-head")).to_contain_text("version 2", timeout=IMPORT_MS)
    expect(finding).to_have_count(0)


def test_a_dataset_is_deleted_after_a_question(page: Page, service: Service, photos: Path) -> None:
    add(page, photos, "unwanted")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_role("heading", name="unwanted", level=1)).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Datasets", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="unwanted", exact=True)).to_have_count(0)
    assert "unwanted" not in [dataset["name"] for dataset in service.client.datasets()]
