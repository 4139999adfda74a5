"""Says what a file is that cannot be read as an image: a Git LFS pointer, text, or nothing at all."""

from model.data.files.file_endings import is_image_name

NOT_AN_IMAGE = "not an image"
"""The reason to skip a file whose name is not that of an image, such as a README."""
_LFS = b"version https://git-lfs.github.com/spec/"
HTML_STARTS = (b"<!doctype html", b"<html")
_HEAD_BYTES = 512
_AS_FILES = "save each image as a file, in a folder for each class"
_BY_ENDING = {
    (".ubyte", "-ubyte.gz", ".idx"): f"an array of images, which is not read: {_AS_FILES}",
    (".nii", ".nii.gz"): "a volume, not an image: save its slices as PNG files, in a folder for each class",
    (
        *(".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"),
    ): "an archive inside the dataset, which is not opened: unpack it, then add the folder",
    (
        ".parquet",
        ".arrow",
        ".feather",
    ): f"a table of images, which is not read: {_AS_FILES}, for instance with the Python package datasets",
    (
        ".tfrecord",
        ".tfrecords",
        ".tfrec",
        ".rec",
        ".beton",
        ".lmdb",
        ".mdb",
    ): f"a file of records, which is not read: {_AS_FILES}",
    (
        *(".h5", ".hdf5", ".mat", ".npy", ".npz", ".pkl", ".pickle", ".pt", ".pth"),
    ): f"an array of images or another object of a program, which is not read: {_AS_FILES}",
    (".xlsx", ".xls", ".ods"): "a spreadsheet, which is not read: save it as CSV",
    (".avi", ".mov", ".mkv", ".webm", ".mpg", ".mp4"): "a video, not an image: save its frames as images",
}
"""The reason to skip files with these endings, which people take for images; the first that fits."""


def describe_other_file(path: str, data: bytes) -> str | None:
    """Return the reason to skip a file that is no image; None when nothing better is known than the decoder's error."""
    if not data:
        return "not an image: the file is empty"
    if data.startswith(_LFS):
        return (
            "a Git LFS pointer, not an image: run `git lfs pull` in the repository, then add the images again"
        )
    return describe_text(data) if is_image_name(path) else reason_by_name(path)


def describe_text(data: bytes) -> str | None:
    """Return what is wrong with a file that is text, by its first bytes; None for any other."""
    if data[:_HEAD_BYTES].lstrip().lower().startswith(HTML_STARTS):
        return "not an image, but a web page: the download failed; download the image again"
    if _is_text(data[:_HEAD_BYTES]):
        return "not an image, but text: the file was not copied or downloaded correctly"
    return None


def reason_by_name(path: str) -> str:
    """Return the reason to skip a file whose name is not that of an image."""
    name = path.lower()
    if ".tfrecord-" in name:
        name = name.partition("-")[0]
    return next((reason for endings, reason in _BY_ENDING.items() if name.endswith(endings)), NOT_AN_IMAGE)


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\r\n\t" for character in text)
