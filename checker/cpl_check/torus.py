# SPDX-License-Identifier: Apache-2.0

"""Convolutions on a torus: their Gram matrix falls into a block for each frequency."""

import math

import numpy as np

from .arithmetic import SLACK, U, Refused, gamma, matrix_product, norm, product_error
from .maps import Convolution


class CircularConvolution(Convolution):
    """The convolution that takes the pixels of the opposite edge for those beyond an edge."""

    def shifts(self):
        centre = self.side // 2
        return [(a, b, (a - centre, b - centre)) for a in range(self.side) for b in range(self.side)]

    def gather(self, slabs):
        return sum(np.roll(slabs[a, b], (-y, -x), (-2, -1)) for a, b, (y, x) in self.shifts())

    def scatter(self, hidden):
        slabs = np.empty((self.side, self.side, *hidden.shape))
        for a, b, shift in self.shifts():
            slabs[a, b] = np.roll(hidden, shift, (-2, -1))
        return slabs

    def gram(self):
        """T T' (or T' T) = the sum over shifts s of R_s, in the place of the shift by s."""
        kernel = self.narrow_kernel()
        size, taps = len(kernel), self.side * self.side
        if taps > 1024 or taps * size > 2**14 or self.width * size * size > 2**27:
            raise Refused("a kernel is too large for its norm on a torus")
        rows = kernel.transpose(2, 3, 0, 1).reshape(taps * size, -1)
        value, radius = matrix_product(rows, rows.T)
        parts = {}
        for i in range(taps):
            for j in range(taps):
                (ya, xa), (yb, xb) = divmod(i, self.side), divmod(j, self.side)
                shift = ((yb - ya) % self.height, (xb - xa) % self.width)
                part = value[i * size:(i + 1) * size, j * size:(j + 1) * size]
                parts[shift] = parts[shift] + part if shift in parts else part
        # Of all taps^2 products together; then additions, and products with numbers that err by 2**-50.
        error = taps * (product_error(value, radius) + norm(value) * (gamma(2 * taps * taps + 8) + 2.0**-48)) * SLACK
        return Circulant(parts, self.height, self.width, error)


class Circulant:
    """The Hermitian blocks M_uv = sum of R_s exp(2 pi i (u s_y / H + v s_x / W)), and how far one can be from the true one."""

    def __init__(self, parts, height, width, error):
        self.shifts = np.array(list(parts))
        self.parts = np.array(list(parts.values()))
        self.height, self.width, self.error = height, width, float(error)
        self.rows, self.columns = roots_of_unity(height), roots_of_unity(width)

    def excess(self, level):
        """delta such that no eigenvalue of a block exceeds level + delta; None where no factor is found.

        As in BlockTridiagonal any L is a witness. M_uv with -u and -v is the complex conjugate.
        """
        size, worst = self.parts.shape[1], 0.0
        for u in range(self.height // 2 + 1):
            phases = self.rows[u * self.shifts[:, 0] % self.height] * self.columns[
                np.arange(self.width)[:, None] * self.shifts[:, 1] % self.width]
            rest = -np.tensordot(phases, self.parts, 1)
            rest[:, range(size), range(size)] += level
            try:
                factor = np.linalg.cholesky(rest)
            except np.linalg.LinAlgError:
                return None
            left = np.abs(rest - factor @ factor.conj().transpose(0, 2, 1))
            lengths, diagonal = norm(np.abs(factor), (1, 2)), np.abs(np.diagonal(rest, axis1=1, axis2=2))
            # A complex sum of `size` products errs by less than 2 gamma of the rows' lengths.
            delta = (norm(left, (1, 2)) + 2 * gamma(4 * size + 8) * lengths * lengths + 2 * U * norm(diagonal, (1,)))
            worst = max(worst, float(np.max(delta)) if np.all(np.isfinite(delta)) else math.inf)
        delta = (worst + self.error) * SLACK
        return delta if math.isfinite(delta) else None


def roots_of_unity(count):
    """exp(2 pi i k / count) for k = 0, 1, ..., to 2**-52: Machin's formula and Taylor's series, in integers."""
    one = 1 << 200

    def arctangent(inverse):
        total, power, n = 0, one // inverse, 1
        while power:
            total += power // n if n % 4 == 1 else -(power // n)
            power, n = power // (inverse * inverse), n + 2
        return total

    pi = 4 * (4 * arctangent(5) - arctangent(239))
    roots = []
    for k in range(count):
        sums, term, n = [0, 0, 0, 0], one, 0
        while term:
            sums[n % 4] += term
            n += 1
            term = term * (2 * pi * k // count) // (n * one)
        roots.append(complex((sums[0] - sums[2]) / one, (sums[1] - sums[3]) / one))
    return np.array(roots)
