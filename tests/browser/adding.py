"""Adds images in the dashboard by dropping a zip, or a folder as the file manager of a person does."""

from pathlib import Path

from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.browser.photos import zip_of

IMPORT_MS = 120_000


def drop(page: Page, file: FilePayload) -> None:
    """Drop a file on the place for it."""
    transfer = page.evaluate_handle(
        """([name, type, bytes]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([Uint8Array.from(bytes)], name, { type }));
            return transfer;
        }""",
        [file["name"], file["mimeType"], list(file["buffer"])],
    )
    page.locator(".drop-dataset").dispatch_event("drop", {"dataTransfer": transfer})


def drag_folder(page: Page, folder: Path, target: Locator) -> None:
    """Drag a folder of this machine from outside the browser and drop it on the target."""
    target.scroll_into_view_if_needed()
    box = target.bounding_box()
    assert box
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send(
            "Input.dispatchDragEvent",
            {
                "type": kind,
                "x": box["x"] + box["width"] / 2,
                "y": box["y"] + box["height"] / 2,
                "data": {"items": [], "files": [str(folder)], "dragOperationsMask": 1},
            },
        )


def add(page: Page, photos: Path, name: str) -> None:
    """Add the photos as a dataset under a name; the page of the dataset is open afterwards."""
    page.get_by_role("link", name="Datasets", exact=True).click()
    drop(page, zip_of(photos, f"{name}.zip"))
    page.get_by_role("button", name="Upload", exact=False).click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible(timeout=IMPORT_MS)
