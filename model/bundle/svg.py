"""Writes small pictures as SVG, readable on light and dark pages. Knows no model."""

from collections.abc import Iterable
from html import escape

_STYLE = """
text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;fill:#1f2328}
.title{font-weight:600;font-size:14px}.muted{fill:#59636e}.page{fill:#ffffff}.grid{stroke:#d1d9e0}.axis{stroke:#818b98}
.first{stroke:#0757ba;fill:#0757ba}.second{stroke:#bc4c00;fill:#bc4c00}.line{fill:none;stroke-width:2}
.cell{fill:#818b98}.right{fill:#0757ba}.wrong{fill:#bc4c00}.on{fill:#ffffff}text.first,text.second{stroke:none}
@media (prefers-color-scheme:dark){text{fill:#f0f6fc}.muted{fill:#9198a1}.page{fill:#0d1117}.grid{stroke:#3d444d}
.axis{stroke:#656c76}.first{stroke:#58a6ff;fill:#58a6ff}.second{stroke:#f0883e;fill:#f0883e}.line{fill:none}
.right{fill:#388bfd}.wrong{fill:#db6d28}.on{fill:#ffffff}}
"""
_LONGEST_NAME = 24


def picture(width: float, height: float, title: str, parts: Iterable[str]) -> str:
    """Return a picture; `title` is what a screen reader says."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" '
        f'role="img"><title>{_escaped(title)}</title><style>{_STYLE}</style>'
        f'<rect class="page" width="100%" height="100%"/>{"".join(parts)}</svg>\n'
    )


def text(
    x: float, y: float, words: str, kind: str = "", anchor: str = "start", *, size: float = 0, turn: float = 0
) -> str:
    """Return a line of text; `turn` in degrees around its place, `size` in pixels if it is not the usual one."""
    style = f' style="font-size:{size:g}px"' if size else ""
    turned = f' transform="rotate({turn:g} {x:g} {y:g})"' if turn else ""
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}"{style}{turned}>{_escaped(words)}</text>'


def line(points: Iterable[tuple[float, float]], kind: str) -> str:
    """Return a line through points."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" class="{kind}" fill="none"/>'


def dot(x: float, y: float, kind: str) -> str:
    """Return a point."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" class="{kind}"/>'


def box(
    place: tuple[float, float], size: tuple[float, float], kind: str, share: float = 1, hint: str = ""
) -> str:
    """Return a rectangle; `share` is its opacity, `hint` what it says when the pointer is on it."""
    said = f"<title>{_escaped(hint)}</title>" if hint else ""
    (x, y), (width, height) = place, size
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" class="{kind}" fill-opacity="{share:.2f}">{said}</rect>'


def shortened(name: str, longest: int = _LONGEST_NAME) -> str:
    """Return a name of limited length."""
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def _escaped(words: str) -> str:
    """Escape text for XML, in which control characters are not allowed."""
    return escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in words))
