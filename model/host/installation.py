"""Says which version of Ninefold is installed."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def installed_version() -> str:
    """Return the installed version of Ninefold, or `unknown` in a checkout that was never installed."""
    try:
        return version("ninefold")
    except PackageNotFoundError:
        return "unknown"
