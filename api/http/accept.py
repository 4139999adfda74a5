"""Which of two media types a client prefers, by its Accept header (RFC 9110)."""

_Preference = tuple[float, int]
"""The quality of the most specific range that covers a media type, and how specific the range is."""


def prefers(accept: str, wanted: str, default: str) -> bool:
    """Return whether an Accept header asks for the media type `wanted` rather than for `default`."""
    quality = _qualities(accept)
    best = _preference(wanted, quality)
    return best[0] > 0 and best > _preference(default, quality)


def _preference(media_type: str, quality: dict[str, float]) -> _Preference:
    ranges = (media_type, f"{media_type.partition('/')[0]}/*", "*/*")
    return next((quality[known], -index) for index, known in enumerate(ranges) if known in quality)


def _qualities(accept: str) -> dict[str, float]:
    found = {"*/*": 0.0}
    for entry in accept.split(","):
        media_type, *parameters = (part.strip().lower() for part in entry.split(";"))
        found[media_type] = next((_parse(text[2:]) for text in parameters if text.startswith("q=")), 1.0)
    return found


def _parse(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 1.0
