#!/usr/bin/env python3
"""Draws certified accuracy by radius from a file of results, with h5py alone to read it.

    python3 certified_accuracy.py audit.h5             # prints the shares at the paper's radii
    python3 certified_accuracy.py audit.h5 curve.png   # draws the curves too (needs matplotlib)

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
        import matplotlib.pyplot as plot

        epsilon = np.arange(256) / 255
        for kind, curve in curves.items():
            plot.plot(epsilon, curve(epsilon), label=kind)
        plot.xlabel("radius (l2, pixel values in [0, 1])")
        plot.ylabel("certified accuracy")
        plot.legend()
        plot.savefig(sys.argv[2], dpi=200)


main()
