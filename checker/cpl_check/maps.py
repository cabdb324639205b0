# SPDX-License-Identifier: Apache-2.0

"""The linear maps W of the layers, applied with bounds of their errors, and their spectral norms."""

import math
from fractions import Fraction

import numpy as np

from .arithmetic import SLACK, U, Refused, Split, bits_for, gamma, matrix_product, norm, product, product_error


class Dense:
    """x -> W x on features, d x images."""

    def __init__(self, weights):
        self.shape = weights.shape
        self.weights = weights.astype(np.float64)
        self.input_shape, self.output_shape = (self.shape[1], 1), self.shape[:1]
        self.bits = bits_for(max(weights.shape))
        self.split = Split(self.weights, self.bits)

    def apply(self, features):
        return product(np.matmul, self.split, Split(features, self.bits, (0,)), self.shape[1])

    def apply_transposed(self, hidden):
        return product(lambda weights, hidden: weights.T @ hidden, self.split, Split(hidden, self.bits, (0,)),
                       self.shape[0])

    def add_bias(self, hidden, bias):
        return hidden + bias[:, None]

    def gram(self):
        rows = self.weights if self.shape[0] <= self.shape[1] else self.weights.T
        gram, radius = matrix_product(rows, rows.T)
        # One triangle is mirrored, so that its error counts twice.
        return BlockTridiagonal([mirrored(gram)], [], 2 * product_error(gram, radius))


class Convolution:
    """The zero-padded convolution on images, channels x images x height x width."""

    def __init__(self, kernel, height, width):
        self.weights = kernel.astype(np.float64)
        self.shape = kernel.shape
        self.inner, self.channels, self.side = kernel.shape[:3]
        self.height, self.width = height, width
        self.input_shape, self.output_shape = (self.channels, 1, height, width), (self.inner, height, width)
        taps = self.side * self.side
        self.terms = (taps * self.channels, taps * self.inner)
        self.bits = bits_for(max(self.terms))
        self.split = Split(self.weights, self.bits)

    def windows(self):
        """For each tap, the pixels y and those y + tap - centre that it takes, where both are inside."""
        def span(shift, extent):
            low, high = max(0, -shift), min(extent, extent - shift)
            return (slice(low, max(low, high)), slice(low + shift, max(low, high) + shift))

        for a in range(self.side):
            for b in range(self.side):
                rows = span(a - self.side // 2, self.height)
                columns = span(b - self.side // 2, self.width)
                yield a, b, (..., rows[0], columns[0]), (..., rows[1], columns[1])

    def forward(self, kernel, images):
        """(T x)[i, y] = sum over c and taps of K[i, c, tap] x[c, y + tap - centre]."""
        slabs = kernel.transpose(2, 3, 0, 1).reshape(-1, self.channels) @ images.reshape(self.channels, -1)
        return self.gather(slabs.reshape(self.side, self.side, self.inner, *images.shape[1:]))

    def backward(self, kernel, hidden):
        """(T' v)[c, y] = sum over i and taps of K[i, c, tap] v[i, y - tap + centre]."""
        kernel = kernel.transpose(1, 2, 3, 0).reshape(self.channels, -1)
        slabs = self.scatter(hidden).reshape(kernel.shape[1], -1)
        return (kernel @ slabs).reshape(self.channels, *hidden.shape[1:])

    def gather(self, slabs):
        """The sum over taps of what each takes."""
        result = np.zeros(slabs.shape[2:])
        for a, b, target, source in self.windows():
            result[target] += slabs[a, b][source]
        return result

    def scatter(self, hidden):
        """For each tap what `gather` takes of it, the other way."""
        slabs = np.zeros((self.side, self.side, *hidden.shape))
        for a, b, target, source in self.windows():
            slabs[a, b][source] = hidden[target]
        return slabs

    def narrow_kernel(self):
        """The kernel of T, or of T', whichever has fewer outputs: T' is the convolution with the kernel turned round."""
        kernel = self.weights
        return kernel if self.inner <= self.channels else kernel.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]

    def apply(self, images):
        return product(self.forward, self.split, Split(images, self.bits, (0, 2, 3)), self.terms[0])

    def apply_transposed(self, hidden):
        return product(self.backward, self.split, Split(hidden, self.bits, (0, 2, 3)), self.terms[1])

    def add_bias(self, hidden, bias):
        return hidden + bias[:, None, None, None]

    def gram(self):
        """T T' (or T' T, whichever is smaller) as a matrix of blocks, one a group of rows of pixels."""
        kernel, height, width = self.narrow_kernel(), self.height, self.width
        inner, channels, side = kernel.shape[:3]
        size = inner * width
        # B[a]: what row a of the taps takes from one row of pixels to another.
        bands = np.zeros((side, inner, width, channels, width))
        for b in range(side):
            for x in range(width):
                if 0 <= x + b - side // 2 < width:
                    bands[:, :, x, :, x + b - side // 2] = kernel[:, :, :, b].transpose(2, 0, 1)
        bands = bands.reshape(side, size, channels * width)
        products, error = {}, 0.0
        for a in range(side):
            for b in range(a, side):
                if max(b - a, side // 2 - a) > min(height - 1, height - 1 + side // 2 - a):
                    continue  # No row of pixels meets it.
                value, radius = matrix_product(bands[a], bands[b].T)
                products[a, b] = value
                magnitudes = np.abs(value)
                longest = max(magnitudes.sum(0).max(), magnitudes.sum(1).max()) * (1 + gamma(size)) * SLACK
                # Its own error and that of at most `side` additions, twice: as a block and mirrored.
                error += 2 * ((side + 1) * U * longest + radius * size) * SLACK

        def block(row, other):
            """Rows of pixels `row` and `other` <= `row` of the Gram matrix."""
            total = np.zeros((size, size))
            for a in range(side):
                b = a + row - other
                if a <= b < side and 0 <= row + a - side // 2 < height:
                    total += products[a, b]
            return total

        def blocks(rows, others):
            return np.block([[block(row, other) for other in others] for row in rows])

        group = max(1, side - 1)
        groups = [range(start, min(height, start + group)) for start in range(0, height, group)]
        diagonal = [mirrored(blocks(rows, rows)) for rows in groups]
        below = [blocks(rows, before) for before, rows in zip(groups, groups[1:])]
        return BlockTridiagonal(diagonal, below, error * (1 + gamma(side * side)) * SLACK)


def mirrored(matrix):
    """The symmetric matrix with this lower triangle."""
    return np.tril(matrix) + np.tril(matrix, -1).T


class BlockTridiagonal:
    """A symmetric matrix G: blocks on the diagonal and below it, and how far it can be from the true one."""

    def __init__(self, diagonal, below, error):
        self.diagonal, self.below, self.error = diagonal, below, float(error)

    def excess(self, level):
        """delta such that no eigenvalue of the true matrix exceeds level + delta; None where no factor is found.

        Any lower triangle L whatever is a witness: L L' has no negative eigenvalue, so that level I - G
        has none below -||level I - G - L L'||_F. Here L has blocks on the diagonal and below it.
        """
        square, previous = 0.0, None
        for i, diagonal in enumerate(self.diagonal):
            rest = -diagonal
            rest[np.diag_indices_from(rest)] += level
            errors = U * norm(np.diag(rest))
            try:
                if previous is not None:
                    below = -self.below[i - 1]
                    beside = np.linalg.solve(previous, below.T).T
                    square += 2 * residual(below, beside, previous) ** 2
                    value, radius = matrix_product(beside, beside.T)
                    rest = rest - value
                    errors += product_error(value, radius) + U * norm(rest)
                previous = np.linalg.cholesky(rest)
            except np.linalg.LinAlgError:
                return None
            square += (residual(rest, previous, previous) + errors) ** 2
        delta = (math.sqrt(square * (1 + gamma(2 * len(self.diagonal)))) + self.error) * SLACK
        return float(delta) if math.isfinite(delta) else None


def residual(matrix, first, second):
    """||matrix - first second'||_F or more."""
    value, radius = matrix_product(first, second.T)
    return (norm(matrix - value) * (1 + 2 * U) + product_error(value, radius)) * SLACK


def bound_norm_square(layer_map, claimed):
    """t >= ||W||^2, exact, looked for just below the claimed bound's square; and a proved lower bound of ||W||.

    The lower bound is 0 unless the claim could not be shown.
    """
    if not np.any(layer_map.weights):
        return Fraction(0), 0.0
    gram = layer_map.gram()
    level = claimed * claimed * (1 - 2.0**-33)
    excess = gram.excess(level)
    if excess is not None and Fraction(level) + Fraction(excess) <= Fraction(claimed) ** 2:
        return Fraction(level) + Fraction(excess), 0.0
    lower = norm_lower_bound(layer_map)
    for attempt in range(16):
        level = max(claimed, lower) ** 2 * (1 + 2.0 ** (2 * attempt - 33))
        excess = gram.excess(level)
        if excess is not None:
            return Fraction(level) + Fraction(excess), lower
    raise Refused("no upper bound of a norm was found")


def norm_lower_bound(layer_map):
    """||W v|| / ||v|| or less, for the v that 300 iterations of the power method come to."""
    vector = np.random.default_rng(0).standard_normal(layer_map.input_shape)
    for _ in range(300):
        vector = layer_map.apply_transposed(layer_map.apply(vector / norm(vector))[0])[0]
        if not np.any(vector):
            return 0.0
    vector = vector / norm(vector)
    value, radius = layer_map.apply(vector)
    length = float(norm(value)) * (1 - 2 * gamma(value.size + 4) - 2.0**-36) - float(product_error(value, np.max(radius)))
    return max(0.0, length * (1 - 2.0**-40) / float(norm(vector)))
