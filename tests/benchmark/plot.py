"""A plot as SVG: what an audit costs over the number of projects, both axes logarithmic."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from math import ceil, floor, log10
from typing import Final

WIDTH: Final = 640
HEIGHT: Final = 400
MARGIN: Final = 60
COLOURS: Final = ("#00778b", "#b35900", "#7a7a7a", "#b3b3b3")


def plot(title: str, lines: Mapping[str, Mapping[int, float]]) -> str:
    """``lines``: name → number of projects → seconds."""
    sizes = sorted({size for line in lines.values() for size in line})
    seconds = [value for line in lines.values() for value in line.values()]
    low, high = floor(log10(min(seconds))), ceil(log10(max(seconds)))
    left, right = log10(sizes[0]), max(log10(sizes[-1]), log10(sizes[0]) + 1)

    def x(size: float) -> float:
        return MARGIN + (log10(size) - left) / (right - left) * (WIDTH - 2 * MARGIN)

    def y(value: float) -> float:
        return HEIGHT - MARGIN - (log10(value) - low) / max(high - low, 1) * (HEIGHT - 2 * MARGIN)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"',
        ' font-size="12">',
        f'<title>{escape(title)}</title><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{MARGIN}" y="24" font-size="15">{escape(title)}</text>',
    ]
    for power in range(low, high + 1):
        height = y(10**power)
        parts.append(f'<path d="M{MARGIN} {height:.1f}H{WIDTH - MARGIN}" stroke="#ddd"/>')
        parts.append(f'<text x="{MARGIN - 8}" y="{height + 4:.1f}" text-anchor="end">{10.0**power:g} s</text>')
    bottom = HEIGHT - MARGIN + 20
    parts += [f'<text x="{x(size):.1f}" y="{bottom}" text-anchor="middle">{size:,}</text>' for size in sizes]
    for place, (name, line) in enumerate(lines.items()):
        colour = COLOURS[place % len(COLOURS)]
        points = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in sorted(line.items()))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{x(size):.1f}" cy="{y(value):.1f}" r="3.5" fill="{colour}"/>' for size, value in line.items()
        ]
        top = 44 + 16 * place
        parts.append(f'<path d="M{MARGIN + 10} {top - 4}h20" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{MARGIN + 36}" y="{top}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
