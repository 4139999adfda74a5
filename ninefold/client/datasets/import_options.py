"""Where the classes of images are, when folders or a labels.csv do not say it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ImportOptions:
    """Where the classes of images are, for an import that cannot know it."""

    labels: str | Path | None = None
    """The table that lists the images and their classes: a path in the zip, or a file in or beside the folder."""
    path_column: str | None = None
    label_column: str | None = None
    split_column: str | None = None
    class_folder: str | None = None
    """`inner` or `outer`: which folder names the class when folders hold folders."""
    min_images: int | None = None
    """Leave out classes with fewer usable images than this."""

    def params(self) -> dict[str, str | int]:
        """Return the query fields."""
        return {
            name: value if isinstance(value, int) else str(value)
            for name, value in vars(self).items()
            if value is not None
        }
