"""Several images of the grid are selected and corrected at once, by mouse and by keyboard."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.adding import add

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def tiles(page: Page, photos: Path, request: pytest.FixtureRequest) -> Locator:
    """The images of a dataset in the grid."""
    add(page, photos, "by-mouse" if "mouse" in request.node.name else "by-keys")
    page.get_by_role("link", name="See the images").click()
    tiles = page.locator(".tile[aria-label]")
    expect(tiles).to_have_count(26)
    return tiles


def test_images_that_the_mouse_selects_are_relabelled_and_removed_together(
    page: Page, tiles: Locator
) -> None:
    chosen = page.get_by_role("region", name="Selection")
    corrected = page.get_by_role("region", name="Corrections")
    tiles.nth(1).click(modifiers=["Control"])
    tiles.nth(4).click(modifiers=["Shift"])
    expect(chosen).to_contain_text("4 images selected")
    tiles.nth(6).click(modifiers=["Control"])
    tiles.nth(2).click(modifiers=["Control"])
    expect(chosen).to_contain_text("4 images selected")
    expect(page.locator(".is-selected")).to_have_count(4)
    chosen.get_by_role("button", name="Relabel").click()
    page.keyboard.type("mixed")
    page.keyboard.press("Enter")
    expect(corrected).to_contain_text("4 relabelled")
    corrected.get_by_role("button", name="Undo").click()  # one step
    expect(corrected).to_be_hidden()
    page.get_by_role("button", name="Select all shown").click()
    expect(chosen).to_contain_text("26 images selected")
    chosen.get_by_role("button", name="Remove or keep").click()
    expect(corrected).to_contain_text("26 removed")
    chosen.get_by_role("button", name="Clear").click()
    expect(chosen).to_be_hidden()
    page.locator(".tile-place").nth(3).hover()
    page.locator(".tile-tick").nth(3).click()
    expect(chosen).to_contain_text("1 image selected")
    tiles.nth(8).click()  # a click without a key still shows the image
    expect(page.get_by_role("dialog", name="Image")).to_be_visible()


def test_images_that_the_keyboard_selects_are_corrected_together(page: Page, tiles: Locator) -> None:
    chosen = page.get_by_role("region", name="Selection")
    tiles.nth(2).focus()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(tiles.nth(4)).to_be_focused()
    expect(chosen).to_contain_text("3 images selected")
    assert (tiles.nth(3).get_attribute("aria-label") or "").startswith("selected, ")
    page.keyboard.press("x")
    expect(page.locator("[data-mark=removed]")).to_have_count(3)
    page.keyboard.press("u")
    expect(page.locator("[data-mark=removed]")).to_have_count(0)
    page.keyboard.press("Shift+ArrowLeft")
    expect(chosen).to_contain_text("2 images selected")
    page.keyboard.press("ArrowDown")
    expect(chosen).to_be_hidden()
    page.keyboard.press("Control+Space")
    expect(chosen).to_contain_text("1 image selected")
    page.keyboard.press("Control+a")
    expect(chosen).to_contain_text("26 images selected")
    page.keyboard.press("n")
    page.keyboard.type("ew")
    page.keyboard.press("Enter")
    expect(page.locator("[data-mark=relabelled]")).to_have_count(26)
    page.keyboard.press("Escape")
    expect(chosen).to_be_hidden()
