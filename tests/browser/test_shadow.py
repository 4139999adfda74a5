"""The panel of a shadow: how often it agrees with production, and the images where it does not."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from ninefold.client.transport import Json
from tests.browser.conftest import QUICK
from tests.e2e.service import Service
from tests.ninefold.processes import eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_a_version_becomes_the_shadow_and_its_disagreements_are_shown_with_their_images(
    page: Page, service: Service, trained: Json, few_digits: Path
) -> None:
    client = service.client
    job = client.wait(client.submit("few-digits", name="trained", seed=9, **QUICK)["id"])
    page.get_by_role("link", name="Models", exact=True).click()
    card = page.locator(".card", has=page.get_by_role("heading", name="trained", exact=True))
    version = card.locator("tbody tr", has=page.get_by_role("link", name="trained version 2"))
    version.get_by_role("button", name="Make shadow").click()
    panel = card.locator(".alias-panel", has=page.get_by_text("Shadow: version 2 beside version 1"))
    expect(panel).to_contain_text("no image yet (100 % of the traffic is sampled)")

    def is_compared() -> bool:
        client.predict(sorted(few_digits.glob("*/*.png"))[::3], model="trained")
        shadow = client.shadow("trained")
        return bool(shadow["compared"] > shadow["agreed"])

    eventually(is_compared, 120, "the shadow has disagreed")
    page.reload()
    expect(panel).to_contain_text("the same label for")
    expect(panel.locator("li").first).to_contain_text("by the shadow:")
    panel.get_by_text("Where they disagree").click()
    first = panel.locator(".disputed-images li").first
    expect(first).to_contain_text("production: ")
    picture = first.locator("img")
    picture.scroll_into_view_if_needed()
    page.wait_for_function("image => image.naturalWidth > 0", arg=picture.element_handle())

    panel.get_by_role("button", name="End the shadow of trained").click()
    expect(version.locator(".badge")).to_have_count(0)
    client.delete_model(job["result"]["model"]["id"])
