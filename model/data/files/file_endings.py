"""The endings of file names by which images and tables are known, before they are opened."""

IMAGE_ENDINGS = (
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".png",
    ".webp",
    ".gif",
    ".bmp",
    ".tif",
    ".tiff",
    ".heic",
    ".heif",
    ".avif",
    ".jxl",
    ".jp2",
    ".dcm",
    ".dng",
    ".cr2",
    ".nef",
    ".arw",
    ".svg",
    ".ppm",
    ".pgm",
)
"""Endings of files that people mean as images, whether or not they can be read."""
TABLE_ENDINGS = (".csv", ".tsv")


def is_image_name(path: str) -> bool:
    """Whether the name of a file is that of an image, in whatever format."""
    return path.lower().endswith(IMAGE_ENDINGS)


def is_table(path: str) -> bool:
    """Whether the name of a file is that of a table."""
    return path.lower().endswith(TABLE_ENDINGS)
