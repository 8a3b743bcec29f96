"""Pages of pictures to look at: one HTML file that holds everything it shows."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from bridge.imaging.encode import Format, encode_image
from bridge.quality.measures import Pixels

STYLE = Path(__file__).with_name("page.css")


@dataclass(frozen=True)
class Picture:
    """A picture and what is to be said of it."""

    image: Pixels  # uint8 [H, W, 3] RGB
    caption: str
    note: str = ""


def page(title: str, lead: str, *blocks: str, foot: str = "") -> str:
    """Return a whole page; ``blocks`` are what the functions below return."""
    style = STYLE.read_text("utf-8")
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    return (
        f'<!doctype html><html lang="en"><head>{head}<title>{escape(title)}</title><style>{style}</style></head>'
        f"<body><main><h1>{escape(title)}</h1><p>{escape(lead)}</p>{''.join(blocks)}"
        f"<footer>{escape(foot)}</footer></main></body></html>\n"
    )


def article(title: str, *blocks: str) -> str:
    """Return a part of the page with a headline."""
    return f"<article><h2>{escape(title)}</h2>{''.join(blocks)}</article>"


def figure(picture: Picture) -> str:
    """Return a picture with its caption below."""
    return _figure(_source(picture.image), picture.caption, picture.note)


def moving(gif: bytes, caption: str, note: str = "") -> str:
    """Return a moving picture, an encoded GIF, with its caption below."""
    return _figure(f"data:image/gif;base64,{base64.b64encode(gif).decode()}", caption, note)


def strip(pictures: Iterable[Picture]) -> str:
    """Return pictures side by side in frames of the first one's proportions, as many to a row as fit."""
    shown = list(pictures)
    height, width = shown[0].image.shape[:2]
    return f'<div class="strip" style="--ratio: {width}/{height}">{"".join(map(figure, shown))}</div>'


def compare(before: Pixels, after: Pixels) -> str:
    """Return two pictures of one size over each other, with a handle that uncovers either."""
    slide = "this.parentNode.style.setProperty('--cut', this.value + '%')"
    return (
        f'<div class="compare" style="--cut: 28%"><img src="{_source(after)}" alt="after">'
        f'<img class="before" src="{_source(before)}" alt="before"><span class="was">before</span>'
        f'<span class="is">after</span><input type="range" min="0" max="100" value="28" step="0.1" '
        f'aria-label="how much of the picture before" oninput="{slide}"></div>'
    )


def hero(*columns: str) -> str:
    """Return three columns, the middle one the widest."""
    return f'<div class="hero">{"".join(f"<div>{column}</div>" for column in columns)}</div>'


def cards(facts: Mapping[str, str]) -> str:
    """Return facts as cards: what it is, and the number."""
    items = (
        f'<div class="card"><b>{escape(value)}</b><small>{escape(name)}</small></div>'
        for name, value in facts.items()
    )
    return f'<div class="cards">{"".join(items)}</div>'


def bars(title: str, rows: Mapping[str, float], unit: str) -> str:
    """Return numbers as bars on one scale, the longest first."""
    longest = max(rows.values(), default=0) or 1
    lines = (
        f'<tr><td>{escape(name)}</td><td><span class="bar" style="width: {100 * value / longest:.1f}%"></span></td>'
        f"<td>{value:.0f} {escape(unit)}</td></tr>"
        for name, value in sorted(rows.items(), key=lambda row: -row[1])
    )
    return f"<h3>{escape(title)}</h3><table>{''.join(lines)}</table>"


def remarks(sentences: Iterable[str]) -> str:
    """Return sentences that deserve attention."""
    return "".join(f'<div class="say">{escape(sentence)}</div>' for sentence in sentences)


def folded(summary: str, *blocks: str, is_open: bool = False) -> str:
    """Return blocks behind a line that opens them."""
    return f"<details{' open' * is_open}><summary>{escape(summary)}</summary>{''.join(blocks)}</details>"


def _figure(source: str, caption: str, note: str) -> str:
    words, more = escape(caption), f"<span>{escape(note)}</span>" if note else ""
    return f'<figure><img src="{source}" alt="{words}"><figcaption>{words}{more}</figcaption></figure>'


def _source(image: Pixels) -> str:
    data = base64.b64encode(encode_image(image, Format.JPEG)).decode()
    return f"data:{Format.JPEG.media_type};base64,{data}"
