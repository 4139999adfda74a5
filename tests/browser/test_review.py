"""Once round the loop in the dashboard: uncertain answers are labelled by the keyboard, and one press trains on them."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import QUICK
from tests.browser.forms import JOB_MS
from tests.e2e.service import Service
from tests.handwritten import digit_images
from tests.ninefold.processes import eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def save_digits(folder: Path, label: int, first: int, count: int) -> list[Path]:
    """Save images of a digit and return their files."""
    folder.mkdir(parents=True)
    files = [folder / f"{number}.png" for number in range(count)]
    for file, image in zip(files, digit_images(label, first + count)[first:], strict=True):
        image.save(file)
    return files


def test_uncertain_answers_are_labelled_by_the_keyboard_and_one_press_trains_on_them(
    page: Page, service: Service, tmp_path: Path
) -> None:
    client = service.client
    for label in (3, 7):
        save_digits(tmp_path / "reviewed" / str(label), label, 20, 12)
    dataset = client.add_dataset(tmp_path / "reviewed", "reviewed")
    client.wait(client.submit("reviewed", **QUICK)["id"])
    page.get_by_role("link", name="Models", exact=True).click()
    page.get_by_role("link", name="Review uncertain answers of reviewed").click()
    page.get_by_label("Keep answers below (%)").fill("100")
    page.get_by_role("button", name="Keep uncertain answers").click()
    expect(page.get_by_role("heading", name="Nothing waits")).to_be_visible()

    digits = save_digits(tmp_path / "new", 3, 40, 4)

    def are_kept() -> bool:
        client.predict(digits, model="reviewed")
        return bool(client.review("reviewed")["waiting"] == len(digits))

    eventually(are_kept, 120, "all answers are kept")
    page.get_by_role("button", name="Look again").click()
    card = page.locator(".review-card")
    picture = card.get_by_role("img")
    page.wait_for_function("image => image.naturalWidth > 0", arg=picture.element_handle())
    train = page.get_by_role("button", name="Make the next version and train")
    expect(train).to_be_disabled()
    summary = page.locator(".view-head [role=status]")
    ids = [image["id"] for image in client.review_images("reviewed")]
    for key, image_id, counts in (
        ("3", ids[0], "Waiting: 3, with a label: 1"),
        ("Enter", ids[1], "Waiting: 2, with a label: 2"),
        ("u", ids[2], "Waiting: 2, with a label: 2"),
        ("3", ids[1], "Waiting: 2, with a label: 2"),
        ("Backspace", ids[2], "Waiting: 1, with a label: 2"),
    ):
        expect(card).to_have_attribute("data-image", image_id)
        page.keyboard.press(key)
        expect(summary).to_contain_text(counts)
    card.get_by_role("button", name="7", exact=True).click()
    expect(page.get_by_role("heading", name="Nothing waits")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    card.get_by_role("button", name="3", exact=True).click()
    expect(summary).to_contain_text("Waiting: 0, with a label: 3")

    train.click()
    notice = page.locator(".review-made")
    expect(notice).to_contain_text("3 images go into the next version of reviewed")
    job_id = str(notice.get_by_role("link", name="The training").get_attribute("href")).rpartition("/")[2]
    job = client.wait(job_id)
    assert (job["status"], job["name"]) == ("succeeded", "reviewed")
    assert job["result"]["promotion"]["outcome"] in ("better", "not_better")
    version = client.dataset(job["spec"]["dataset"])
    assert version["train_counts"][0] == dataset["train_counts"][0] + 3
    assert version["test_counts"] == dataset["test_counts"]
    notice.get_by_role("link", name="reviewed", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("reviewed", timeout=JOB_MS)
