"""The default folder for downloads and prepared datasets."""

from pathlib import Path

from platformdirs import user_cache_path


def default_cache_dir() -> Path:
    """Return this user's cache folder for Ninefold: `~/.cache/ninefold` on Linux unless `XDG_CACHE_HOME` is set.

    Version 0.1 always used `~/.cache/ninefold`; a folder of that name is still used where it exists.
    """
    old = Path.home() / ".cache" / "ninefold"
    return old if old.is_dir() else user_cache_path("ninefold")
