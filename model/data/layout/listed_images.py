"""Gives images outside the folders of classes the class that a table lists, as for a test folder without class folders."""

from collections.abc import Collection, Sequence

from model.data.layout.columns import ReadTable
from model.data.layout.folders import warn_of_folders_left_out
from model.data.layout.layout import Layout, count_of, name_some


def place_listed_images(layout: Layout, tables: Sequence[ReadTable]) -> None:
    """Place the images that a table lists for testing or validation, in classes that folders have; else warn."""
    warnings = []
    left_out = warn_of_folders_left_out(layout)
    for read in tables:
        label_of = {
            image: label
            for image, label in zip(read.images, read.labels, strict=True)
            if image is not None and image in layout.unplaced
        }
        if not label_of or "submission" in read.table.name.lower():
            continue  # the classes in an example of a submission are invented
        class_of = _match(set(label_of.values()), set(layout.labels.values()))
        split = read.table.split
        column = f"{read.table.name}, column {read.label_column}"
        count = count_of(len(label_of), "image")
        if layout.splits and split is not None and class_of.keys() >= set(label_of.values()):
            layout.labels.update({image: class_of[label] for image, label in label_of.items()})
            layout.splits.update(dict.fromkeys(label_of, split))
            for image in label_of:
                del layout.unplaced[image]
            warnings.append(f"The classes of {count} for {split} come from {column}.")
        else:
            labels = name_some(sorted(set(label_of.values())))
            warnings.append(
                f"{count} in no folder of a class, left out, have classes in {column} ({labels}). To use them, put them into "
                "class folders."
            )
    layout.warnings[:] = [
        *(warning for warning in layout.warnings if warning not in left_out),
        *warn_of_folders_left_out(layout),
        *warnings,
    ]


def _match(labels: Collection[str], classes: Collection[str]) -> dict[str, str]:
    """Return the class that each label names; `7` names the folder `00007`."""
    by_number = {int(name): name for name in classes if name.isdecimal()}
    same = {label: label for label in labels if label in classes}
    numbers = {
        label: by_number[int(label)] for label in labels if label.isdecimal() and int(label) in by_number
    }
    return numbers | same
