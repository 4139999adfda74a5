"""Likely label errors, which a training finds, are accepted by the keyboard."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.forms import JOB_MS
from tests.e2e.service import Service
from tests.handwritten import digit_images

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PER_CLASS = 40


def test_a_likely_label_error_is_accepted(page: Page, service: Service, tmp_path: Path) -> None:
    for name, label, other in (("one", 1, 0), ("zero", 0, 1)):
        (tmp_path / name).mkdir()
        for number, image in enumerate(digit_images(label, PER_CLASS)):
            image.save(tmp_path / name / f"{number}.png")
        for number, image in enumerate(digit_images(other, PER_CLASS + 6)[PER_CLASS:]):
            image.save(tmp_path / name / f"wrong-{number}.png")
    dataset = service.client.add_dataset(tmp_path, "mislabelled")
    page.goto(f"{service.url}/#/datasets/mislabelled")
    expect(page.locator(".class-table tbody tr")).to_have_count(2)
    service.client.wait(service.client.submit(dataset["id"], epochs=8, seed=0)["id"])
    finding = page.locator("[data-code=label_errors]")  # the open page shows what the training found
    finding.get_by_role("link", name="image", exact=False).last.click(timeout=JOB_MS)
    tile = page.locator(".tile[aria-label]").first
    tile.focus()
    page.keyboard.press("Enter")
    expect(tile).to_have_attribute("data-mark", "relabelled")
    expect(page.get_by_role("region", name="Corrections")).to_contain_text("1 relabelled")
