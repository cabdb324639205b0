#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0

"""Draws certified accuracy by radius from a file of results, with h5py alone to read it.

    python3 certified_accuracy.py audit.h5             # prints the shares at the paper's radii
    python3 certified_accuracy.py audit.h5 curve.svg   # draws the curves too
    python3 certified_accuracy.py audit.h5 curve.png   # the same with matplotlib

docs/formats.md says what every dataset holds.
"""

import sys

import h5py
import numpy as np


def certified_accuracy(path):
    """For each kind of certificate a function from radii to shares of the images."""
    with h5py.File(path, "r") as file:
        if file.attrs["format"] not in ("cpl-report", b"cpl-report"):
            sys.exit(f"{path} holds no results of cpl-verify")
        table = {name: column[:] for name, column in file["certificates"].items()}
    curves = {}
    for name, radii in table.items():
        if not name.startswith("radius_"):
            continue
        kind = name.removeprefix("radius_")
        # Published radii are of the class that binary32 computes, all others of binary64's.
        predicted = table["prediction" if kind == "published" else "binary64_prediction"]
        certified = np.where(predicted == table["label"], radii, 0)
        curves[kind] = lambda epsilon, certified=certified: np.mean(
            certified[:, None] > np.atleast_1d(epsilon), axis=0
        )
    return curves


def main():
    curves = certified_accuracy(sys.argv[1])
    paper = np.array([36, 72, 108, 255]) / 255
    for kind, curve in curves.items():
        print(kind, *(f"{share:.4f}" for share in curve(paper)))
    if len(sys.argv) > 2:
        epsilon = np.arange(256) / 255
        drawing = {kind: curve(epsilon) for kind, curve in curves.items()}
        (draw if sys.argv[2].endswith(".svg") else plot)(epsilon, drawing, sys.argv[2])


def draw(epsilon, curves, path):
    """Writes the curves as SVG, with nothing but Python."""
    colours = ["#0550ae", "#a04000", "#116329", "#8250df", "#57606a"]
    with open(path, "w") as file:
        file.write('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 420 330" '
                   'font-family="sans-serif" font-size="13">\n'
                   '<path fill="none" stroke="#57606a" d="M60,20V260H400"/>\n')
        for share in (0, 0.25, 0.5, 0.75, 1):
            file.write(f'<text x="54" y="{264 - 240 * share}" text-anchor="end">{share:.0%}</text>\n')
        for radius in (0, 72, 144, 216):
            file.write(f'<text x="{60 + 340 * radius / 255}" y="278" text-anchor="middle">{radius}</text>\n')
        file.write('<text x="230" y="298" text-anchor="middle">radius in 1/255 (l2)</text>\n')
        for place, (colour, (kind, shares)) in enumerate(zip(colours, curves.items())):
            points = " ".join(f"{60 + 340 * e:.1f},{260 - 240 * s:.1f}" for e, s in zip(epsilon, shares))
            file.write(f'<polyline fill="none" stroke="{colour}" points="{points}"/>\n'
                       f'<text x="{60 + 70 * place}" y="320" fill="{colour}">{kind}</text>\n')
        file.write("</svg>\n")


def plot(epsilon, curves, path):
    """Draws the curves with matplotlib."""
    import matplotlib.pyplot as pyplot

    for kind, shares in curves.items():
        pyplot.plot(epsilon, shares, label=kind)
    pyplot.xlabel("radius (l2, pixel values in [0, 1])")
    pyplot.ylabel("certified accuracy")
    pyplot.legend()
    pyplot.savefig(path, dpi=200)


main()
