# SPDX-License-Identifier: Apache-2.0

"""A row of small line charts as SVG, by hand: enough to see whether points lie on a line."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

WIDTH, HEIGHT = 380, 270
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 34, 46
COLOURS = ("#0b6bcb", "#c2410c", "#15803d", "#7c3aed", "#a16207", "#be185d")


@dataclass
class Panel:
    title: str
    x_label: str
    y_label: str
    logarithmic: bool = False
    series: list[tuple[str, list[float], list[float], list[float], list[float]]] = field(default_factory=list)
    """Name, x, median, least and greatest y."""
    lines: list[tuple[int, float, float]] = field(default_factory=list)
    """Fits y = a + b·x, drawn dashed in the colour of a series."""


def ticks(low: float, high: float, logarithmic: bool) -> list[float]:
    if logarithmic:
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        steps = (1, 2, 5) if math.log10(high / low) < 1.5 else (1,)
        return [value for power in powers for step in steps if low <= (value := step * 10.0**power) <= high]
    rough = (high - low) / 5
    unit = 10 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
    return [index * step for index in range(math.ceil(low / step), math.floor(high / step) + 1)]


def draw(panel: Panel) -> list[str]:
    xs = [x for _, points, *_ in panel.series for x in points]
    ys = [y for _, _, _, least, greatest in panel.series for y in least + greatest]
    if panel.logarithmic:
        (x_low, x_high), (y_low, y_high) = (min(xs) / 1.2, max(xs) * 1.2), (min(ys) / 1.5, max(ys) * 1.5)
    else:
        (x_low, x_high), (y_low, y_high) = (0, max(xs) * 1.08), (0, max(ys) * 1.08)
    scale = math.log if panel.logarithmic else float

    def at_x(x: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (scale(x) - scale(x_low)) / (scale(x_high) - scale(x_low))

    def at_y(y: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (scale(y) - scale(y_low)) / (scale(y_high) - scale(y_low))

    parts = [f'<text x="{LEFT}" y="18" class="title">{escape(panel.title)}</text>']
    # On a logarithmic axis the measured numbers of images are better marks than powers of ten.
    x_ticks = sorted(set(xs))
    for x in x_ticks:
        parts.append(f'<line x1="{at_x(x):.1f}" y1="{TOP}" x2="{at_x(x):.1f}" y2="{HEIGHT - BOTTOM}" class="grid"/>')
        parts.append(f'<text x="{at_x(x):.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{x:g}</text>')
    for y in ticks(y_low, y_high, panel.logarithmic):
        parts.append(f'<line x1="{LEFT}" y1="{at_y(y):.1f}" x2="{WIDTH - RIGHT}" y2="{at_y(y):.1f}" class="grid"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at_y(y) + 4:.1f}" text-anchor="end">{y:g}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">{escape(panel.x_label)}</text>')
    parts.append(f'<text transform="translate(13 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">{escape(panel.y_label)}</text>')
    for index, a, b in panel.lines:
        low, high = min(panel.series[index][1]), max(panel.series[index][1])
        points = [low * (high / low) ** (i / 60) if panel.logarithmic else low + (high - low) * i / 60 for i in range(61)]
        path = " ".join(f"{at_x(x):.1f},{at_y(a + b * x):.1f}" for x in points if a + b * x >= (y_low if panel.logarithmic else 0))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[index % len(COLOURS)]}" stroke-dasharray="4 3"/>')
    for index, (name, points, medians, least, greatest) in enumerate(panel.series):
        colour = COLOURS[index % len(COLOURS)]
        for x, y, low, high in zip(points, medians, least, greatest):
            parts.append(f'<line x1="{at_x(x):.1f}" y1="{at_y(low):.1f}" x2="{at_x(x):.1f}" y2="{at_y(high):.1f}" stroke="{colour}"/>')
            parts.append(f'<circle cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="3.2" fill="{colour}"/>')
        parts.append(f'<circle cx="{LEFT + 12}" cy="{TOP + 10 + 15 * index}" r="3.2" fill="{colour}"/>')
        parts.append(f'<text x="{LEFT + 21}" y="{TOP + 14 + 15 * index}" class="key">{escape(name)}</text>')
    return parts


def write(path: Path, panels: list[Panel]) -> None:
    body = "\n".join(f'<g transform="translate({WIDTH * index} 0)">\n' + "\n".join(draw(panel)) + "\n</g>" for index, panel in enumerate(panels))
    width = WIDTH * len(panels)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}" font-family="sans-serif" font-size="11">\n'
        "<style>.grid { stroke: #e2e2e2 } text { fill: #333 } .title { font-weight: bold; font-size: 12px }"
        " .key { paint-order: stroke; stroke: #fff; stroke-width: 3px }</style>\n"
        f'<rect width="{width}" height="{HEIGHT}" fill="#fff"/>\n{body}\n</svg>\n')
