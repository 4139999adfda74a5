"""Which characters may be shown: control codes and marks that change the direction of text may deceive the reader."""

import unicodedata

_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""They belong to words of Persian and Indian languages and to emoji sequences."""
_TAGS = range(0xE0020, 0xE0080)
"""They make up the emoji of some flags, such as that of Scotland."""


def is_safe(character: str) -> bool:
    """Whether a character of a name may be shown as it is."""
    return (
        character.isprintable()
        or character in _JOINERS
        or ord(character) in _TAGS
        or unicodedata.category(character) == "Zs"
    )


def make_printable(text: str) -> str:
    """Replace the characters that are not safe."""
    if text.isprintable():
        return text
    return "".join(character if is_safe(character) else "\N{REPLACEMENT CHARACTER}" for character in text)


def describe_character(character: str) -> str:
    """Return a character's code point and name, as `U+202E RIGHT-TO-LEFT OVERRIDE`."""
    names = {"Cc": "CONTROL CHARACTER", "Cs": "A BYTE THAT IS NOT UTF-8"}
    default = names.get(unicodedata.category(character), "WITHOUT A NAME")
    return f"U+{ord(character):04X} {unicodedata.name(character, default)}"


def with_plain_spaces(text: str) -> str:
    """Replace every kind of space, such as the no-break and the ideographic one, by the plain space."""
    return "".join(" " if unicodedata.category(character) == "Zs" else character for character in text)


def shorten(text: str, most_characters: int = 80) -> str:
    """Return the beginning of a long text, with an ellipsis in place of the rest."""
    return text if len(text) <= most_characters else f"{text[: most_characters - 1]}…"
