"""What several browser tests do with the form for a new job."""

from playwright.sync_api import Locator, Page, expect

JOB_MS = 120_000
"""Time limit of a small job on a slow machine."""


def open_new_job(page: Page, name: str, epochs: int) -> None:
    """Submit a job with the form and open the job from the list."""
    form = page.get_by_role("complementary", name="New job")
    form.get_by_label("Dataset", exact=True).select_option("few-digits")
    form.get_by_label("Recipe", exact=True).select_option("classic")  # its epochs take least
    form.get_by_label("Epochs", exact=True).fill(str(epochs))
    form.get_by_label("Name", exact=True).fill(name)
    form.get_by_role("button", name="Train").click()
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def new_job_form(page: Page) -> Locator:
    """Find the form."""
    return page.get_by_role("complementary", name="New job")
