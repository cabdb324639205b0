# SPDX-License-Identifier: Apache-2.0

"""Whether each claim of a bundle holds (README, section 4)."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .arithmetic import SLACK, check_arithmetic
from .layers import up

HOLDS, REFUTED, NOT_SHOWN = 0, 1, 2
WORDS = ("holds", "refuted", "not shown")
BATCH = 64


@dataclass
class Finding:
    """A claim, what was found, and the gap: by what share the checker's own number is worse, or negative."""

    claim: str
    verdict: int
    gap: float

    def __str__(self):
        gap = f", gap {self.gap:.3g}" if math.isfinite(self.gap) else ", no number of its own: evaluations overflow"
        return f"{self.claim}: {WORDS[self.verdict]}" + (gap if self.verdict else "")


def share(own, claimed):
    """own / claimed - 1, for people."""
    try:
        return float(own / claimed - 1) if claimed else float(own > 0)
    except OverflowError:
        return float("inf")


def check_layers(bundle, say=lambda text: None):
    """Findings on the constants, and the network's, which is the product of the layers' own."""
    findings, lipschitz = [], Fraction(1)

    def find(claim, own, claimed, is_refuted=False):
        verdict = HOLDS if own <= claimed else REFUTED if is_refuted else NOT_SHOWN
        findings.append(Finding(claim, verdict, share(own, claimed)))
        say(str(findings[-1]))

    bundle.layers[-1].bound()
    for layer in bundle.layers[:-1]:
        layer.bound()
        if hasattr(layer, "claimed_norm"):
            claimed = Fraction(layer.claimed_norm)
            find(f"{layer.name}: square of the norm at most {layer.claimed_norm:.9g}^2", layer.norm_square, claimed**2,
                 layer.norm_lower_bound > claimed)
        find(f"{layer.name}: Lipschitz constant at most {layer.claimed_lipschitz:.9g}", layer.lipschitz,
             Fraction(layer.claimed_lipschitz))
        lipschitz *= layer.lipschitz
        if lipschitz.denominator > 1 << 4096:  # exact products would grow without end
            lipschitz = Fraction(up(lipschitz))
    find(f"the network before its head: Lipschitz constant at most {bundle.lipschitz:.9g}", lipschitz,
         Fraction(bundle.lipschitz))
    return findings, lipschitz


def own_radii(layers, images, classes, lipschitz):
    """For each image a radius within which its class cannot change, and whether another class at it is proved.

    The margin of class c over class j is at least m - error - constant e at the image, e the distance of the
    computed features from the true ones, and falls by at most L constant r within r. Radii that are negative
    show nothing.
    """
    x = np.ascontiguousarray(images.transpose(1, 0, 2, 3), dtype=np.float64)
    error = np.zeros(len(images))
    for layer in layers[:-1]:
        x, local = layer.forward(x)
        error = (up(layer.lipschitz) * error + local) * SLACK
    margins, errors, constants = layers[-1].margins(x, classes)
    errors = (errors + constants * error) * SLACK
    others = np.arange(len(margins))[:, None] != classes
    # Not below 2^-1000, where products may underflow: a larger constant is one, too.
    slopes = np.where(constants > 0, np.maximum(constants * up(lipschitz), 2.0**-1000), 1.0)
    # A hundred times more than the subtraction, product and quotient can round: the ball is closed.
    lower = margins - errors - 2.0**-46 * np.abs(margins)
    radii = np.where(constants > 0, lower / slopes * (1 - 2.0**-46), np.where(lower > 0, np.inf, lower))
    radii = np.minimum(np.min(np.where(others, radii, np.inf), axis=0), 2.0**1000)
    refuted = np.any(others & (margins + errors + 2.0**-46 * np.abs(margins) < 0), axis=0)
    return radii, refuted


def check(bundle, say=lambda text: None):
    """All findings on a bundle."""
    check_arithmetic()
    with np.errstate(all="ignore"):
        findings, lipschitz = check_layers(bundle, say)
        for start in range(0, len(bundle.claims), BATCH):
            claims = bundle.claims[start:start + BATCH]
            classes = np.array([label for _, label, _ in claims])
            radii, refuted = own_radii(bundle.layers, bundle.images[start:start + BATCH], classes, lipschitz)
            for (index, label, radius), own, other in zip(claims, radii, refuted):
                verdict = HOLDS if own > 0 and radius <= own else REFUTED if other else NOT_SHOWN
                findings.append(Finding(f"image {index}: class {label} within {radius:.9g}", verdict,
                                        share(float(own), radius)))
            say(f"{start + len(claims)} of {len(bundle.claims)} images")
    return findings


def overall(findings):
    """Refuted where any claim is, and else not shown where any is."""
    verdicts = {finding.verdict for finding in findings}
    return REFUTED if REFUTED in verdicts else NOT_SHOWN if NOT_SHOWN in verdicts else HOLDS
