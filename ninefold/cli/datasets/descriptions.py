"""Datasets in lines of text: one line for each dataset, skipped file and warning."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ninefold.client.transport import Json

SHOWN_CLASSES = 5
SHOWN_NOT_SENT = 20


def describe(dataset: "Json", *, shows_version: bool = False) -> str:
    """Describe one dataset in one line, with its version if it is a later one than the first, or if `shows_version`."""
    return "  ".join(cells(dataset, shows_version=shows_version))


def cells(dataset: "Json", *, shows_version: bool = False) -> list[str]:
    """Return what a list says of a dataset."""
    number = dataset.get("version") or 1
    version = f"@{number}" if number > 1 or shows_version else ""
    others = [name for name in dataset.get("names", []) if name != dataset["name"]]
    also = f" (also {', '.join(others)})" if others else ""
    named = [f"{dataset['name']}{version}{also}", dataset["id"]]
    if dataset["status"] != "ready":
        return [*named, _describe_import(dataset)]
    classes = dataset["classes"]
    shown = ", ".join(classes[:SHOWN_CLASSES]) + (", …" if len(classes) > SHOWN_CLASSES else "")
    counts = f"{sum(dataset['train_counts']):,} to train, {sum(dataset['test_counts']):,} to test"
    skipped = [f"({dataset['skipped_count']:,} files skipped)"] if dataset["skipped_count"] else []
    return [*named, counts, "  ".join([f"{len(classes)} classes: {shown}", *skipped])]


def _describe_import(dataset: "Json") -> str:
    """Return the status of an import, and how far it is or why it was rejected."""
    if dataset.get("error"):
        return f"{dataset['status']}: {dataset['error']['message']}"
    if dataset["status"] != "processing":
        return str(dataset["status"])
    if dataset.get("progress"):
        return f"processing: {dataset['phase']} {dataset['progress']['fraction']:.0%}"
    state = dataset.get("phase") or dataset.get("queued_reason") or "queued"
    return f"processing: {state.replace('_', ' ')}"


def describe_skipped(dataset: "Json") -> list[str]:
    """Return one line for each skipped file that the record names, and one line that counts the others."""
    named = dataset.get("skipped", [])
    lines = [f"  skipped {file['path']}: {file['reason']}" for file in named]
    unnamed = dataset["skipped_count"] - len(named)
    return [*lines, f"  skipped {unnamed:,} more"] if unnamed else lines


def describe_warnings(dataset: "Json") -> list[str]:
    """Return one line for each warning about the dataset's images or classes."""
    return [f"  warning: {warning}" for warning in dataset.get("warnings", [])]


def describe_not_sent(files: "Sequence[str]") -> list[str]:
    """Return one line for each of the first files that cannot be read and are not sent, and one that counts the others."""
    lines = [f"  not sent {file}" for file in files[:SHOWN_NOT_SENT]]
    unnamed = len(files) - len(lines)
    return [*lines, f"  not sent {unnamed:,} more"] if unnamed else lines
