"""Recognises archives that are not zips by their first bytes, to say how to make a zip of them."""

from model.data.files.not_images import HTML_STARTS

HEAD_BYTES = 512
_MAGIC = {
    b"\x1f\x8b": "a gzip file, such as a .tar.gz",
    b"BZh": "a bzip2 file, such as a .tar.bz2",
    b"\xfd7zXZ\0": "an xz file, such as a .tar.xz",
    b"\x28\xb5\x2f\xfd": "a zstd file, such as a .tar.zst",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"PK\x07\x08": "one part of a split zip",
}
_TAR_MAGIC, _TAR_MAGIC_AT = b"ustar", 257


def describe_archive(head: bytes | bytearray) -> str | None:
    """Name the archive that begins with these bytes, with what to do; None if they begin no known archive."""
    kind = next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)
    if head[_TAR_MAGIC_AT:].startswith(_TAR_MAGIC):
        kind = "a tar archive"
    if not head:
        return "The file is empty: make or download the zip again."
    if head.lstrip().lower().startswith(HTML_STARTS):
        return "This is a web page, not a zip: the download failed, perhaps because it needs a sign-in. Download the zip again."
    if head.startswith(b"PAR1"):
        return (
            "This is a parquet file, which is not read: save its images as files, in a folder for each class, for instance with "
            "the Python package datasets, and add the folder with `ninefold datasets add photos/`."
        )
    if kind is None:
        return None
    return f"This is {kind}, not a zip: unpack it, then make a zip of the folder with `zip -r photos.zip photos`, or add the folder with `ninefold datasets add photos/`."
