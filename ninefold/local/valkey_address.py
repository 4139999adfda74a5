"""The URL of a data folder's embedded Valkey server, from the password and the port stored in the folder."""

from pathlib import Path

HOST = "127.0.0.1"
PASSWORD_FILE = "password"  # noqa: S105 - the name of a file
PORT_FILE = "port"


def valkey_url(password: str, port: int) -> str:
    """Build the URL that clients connect to."""
    return f"redis://:{password}@{HOST}:{port}/0"


def stored_valkey_url(data_dir: Path) -> str | None:
    """Return the URL of this data folder's server, or None if the folder never had an embedded server.

    The server answers there while `ninefold up` runs on the folder.
    """
    folder = data_dir.expanduser().resolve() / "valkey"
    try:
        password = (folder / PASSWORD_FILE).read_text().strip()
        return valkey_url(password, int((folder / PORT_FILE).read_text()))
    except (FileNotFoundError, ValueError):
        return None
