"""One quiet style for every plot, and SVG that belongs in a page.

Plots are drawn without pyplot, so nothing opens a window and no figure stays behind. What comes
out is an inline SVG of 400 units width: text stays text, colours are the page's own variables
(light and dark), and nothing in it depends on the day or the machine.

The series colours are those of Okabe and Ito (2008), told apart by people with any of the common
kinds of colour blindness; line style or direct labels say the same a second time.
"""

from __future__ import annotations

import io
import re
import threading
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDTH = 400
INK, MUTED, GRID, PAPER = "#1b1f24", "#57606a", "#dfe3e8", "#fffffe"
BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#e69f00",
    "#cc79a7",
    "#56b4e9",
)
CHAIN_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
VARIABLES = {
    INK: "ink",
    "#000000": "ink",
    MUTED: "muted",
    GRID: "grid",
    PAPER: "paper",
    BLUE: "blue",
    VERMILLION: "vermillion",
    GREEN: "green",
    ORANGE: "orange",
    PURPLE: "purple",
    SKY: "sky",
}
"""Colour in Matplotlib → name of the page's variable, so that dark pages get dark plots."""

RASTER_DPI = 144
FONT_SIZE = 12
STYLE = {
    "font.size": FONT_SIZE,
    "text.color": INK,
    "text.parse_math": False,
    "text.usetex": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.labelsize": FONT_SIZE,
    "axes.titlesize": FONT_SIZE,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "axes.facecolor": "none",
    "figure.facecolor": "#ffffff",  # never drawn; ArviZ takes its contrasting colours from it
    "savefig.facecolor": "none",
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": FONT_SIZE,
    "ytick.labelsize": FONT_SIZE,
    "xtick.major.size": 3.5,
    "ytick.major.size": 0,
    "lines.linewidth": 2.0,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
    "svg.hashsalt": "durability",
    "path.simplify": True,
    "agg.path.chunksize": 0,
}

_LOCK = threading.RLock()
_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"


@contextmanager
def quiet_style() -> Iterator[None]:
    """Draw in the house style; one thread at a time, since Matplotlib's settings are global."""
    with _LOCK, matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        # The page's fonts set the text, so it does not matter which signs the measuring font has.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def canvas(
    height: float = 230, *, left: float = 46, right: float = 14, top: float = 27, bottom: float = 38
) -> tuple[Figure, Axes]:
    """Give an empty plot of the report's width; margins in SVG units.

    Call it, and everything up to :func:`to_svg`, inside :func:`quiet_style`.
    """
    figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
    box = (
        left / WIDTH,
        bottom / height,
        1 - (left + right) / WIDTH,
        1 - (top + bottom) / height,
    )
    return figure, figure.add_axes(box)


def y_title(axes: Axes, text: str) -> None:
    """Say above the axis what it measures, so that nobody has to turn their head."""
    axes.annotate(
        text,
        (0, 1),
        xytext=(-axes.get_position().x0 * WIDTH + 2, 13),
        xycoords="axes fraction",
        textcoords="offset points",
        color=MUTED,
    )


def percent_axis(axis: Any) -> None:
    """Label an axis of probabilities in per cent."""
    axis.set_major_formatter(lambda value, _: f"{100 * value:.3g}%")


def spread(values: Sequence[float], gap: float, inside: tuple[float, float]) -> list[float]:
    """Move labels apart until neighbours are `gap` apart, keeping their order and `inside`.

    Examples
    --------
    >>> spread([1.0, 1.0, 5.0], 2.0, (0.0, 9.0))
    [1.0, 3.0, 5.0]
    >>> spread([8.0, 8.5], 2.0, (0.0, 9.0))
    [7.0, 9.0]
    """
    order = sorted(range(len(values)), key=lambda i: values[i])
    placed = dict(enumerate(values))
    floor = inside[0]
    for i in order:
        placed[i] = max(placed[i], floor)
        floor = placed[i] + gap
    ceiling = inside[1]
    for i in reversed(order):
        placed[i] = min(placed[i], ceiling)
        ceiling = placed[i] - gap
    return [placed[i] for i in range(len(values))]


def to_svg(figure: Figure, name: str) -> str:
    """Turn a figure into SVG to stand inside a page.

    Parameters
    ----------
    figure : Figure
        Made by :func:`canvas`.
    name : str
        Unique in the page: the identifiers inside the drawing start with it.

    Returns
    -------
    str
        An ``<svg>`` element without size, metadata, styles or comments, scaled by its place.
    """
    buffer = io.BytesIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    figure.savefig(buffer, format="svg", metadata=nothing, dpi=RASTER_DPI)
    root = ET.fromstring(buffer.getvalue())  # our own output, not a stranger's
    used = set(_REFERENCE.findall(buffer.getvalue().decode()))
    _strip(root)
    for element in root.iter():
        _adapt(element, name, used)
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, None)
    root.set("aria-hidden", "true")
    root.set("focusable", "false")
    root.set("class", "plot")
    return _serialised(root)


_REFERENCE = re.compile(r"(?:url\(#|href=\"#)([^)\"]+)")
_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_FAMILY = re.compile(r"\s*font-family:[^;]*;?")


def _strip(root: ET.Element) -> None:
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"):
                parent.remove(child)


def _adapt(element: ET.Element, name: str, used: set[str]) -> None:
    """Make names unique, numbers short, and colours the page's."""
    identifier = element.attrib.pop("id", None)
    if identifier in used:
        element.set("id", f"{name}-{identifier}")
    for attribute, value in list(element.attrib.items()):
        plain = attribute.replace(f"{{{_XLINK}}}", "")
        del element.attrib[attribute]
        element.set(plain, _adapted(plain, value, name))
    if element.tag == f"{{{_SVG}}}text" and element.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]


def _adapted(attribute: str, value: str, name: str) -> str:
    if attribute == "href" and value.startswith("data:"):
        return value
    if attribute == "style":
        value = _FAMILY.sub("", value)
        value = _COLOUR.sub(_variable, value)
    value = _NUMBER.sub(lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), value)
    value = value.replace("url(#", f"url(#{name}-")
    if attribute == "href":
        value = value.replace("#", f"#{name}-", 1)
    return " ".join(value.split())


def _variable(found: re.Match[str]) -> str:
    name = VARIABLES.get(found[0])
    return f"var(--{name})" if name else found[0]


def _serialised(root: ET.Element) -> str:
    for element in root.iter():
        element.tag = element.tag.replace(f"{{{_SVG}}}", "")
        if element.tag != "text":
            element.text = None
        element.tail = None
    return ET.tostring(root, encoding="unicode")
