# SPDX-License-Identifier: Apache-2.0

"""Layers without a step: affine ones, series of skew convolutions, and those that choose and reorder (README, 1 and 3)."""

import math
from fractions import Fraction

import numpy as np

from . import layers
from .arithmetic import ETA, SLACK, U, Refused, norm
from .layers import Layer, by_image, root_up, up
from .maps import Convolution, Dense, bound_norm_square
from .torus import CircularConvolution


class Affine(Layer):
    """W x + b: ||W||."""

    def read(self, fields, shape, tensors):
        self.claimed_norm = fields.number("norm")
        self.require(fields, 0 <= self.claimed_norm < 2.0**200, "a norm from 0 to 2^200")
        self.map = self.read_map(fields, shape, tensors)
        self.bias = tensors.take("bias", (self.map.shape[0],)).astype(np.float64)
        return self.map.output_shape

    def bound(self):
        self.norm_square, self.norm_lower_bound = bound_norm_square(self.map, self.claimed_norm)
        self.lipschitz = root_up(self.norm_square)

    def forward(self, x):
        y, error = self.apply(x)
        z = self.map.add_bias(y, self.bias)
        return z, (error + U * norm(z, by_image(z))) * SLACK

    def apply(self, x):
        """W x, and a bound of its error for each image."""
        y, radius = self.map.apply(x)
        size = math.prod(y.shape) // y.shape[1]
        return y, (U * norm(y, by_image(y)) + radius.ravel() * math.sqrt(size)) * SLACK


class DenseAffine(Affine):
    def read_map(self, fields, shape, tensors):
        self.require(fields, len(shape) == 1, "features")
        return Dense(tensors.take("weight", (None, shape[0])))


class ConvolutionAffine(Affine):
    def read_map(self, fields, shape, tensors):
        padding = fields.text("padding")
        self.require(fields, padding in ("zero", "circular"), "padding 'zero' or 'circular'")
        return self.convolution(fields, shape, tensors, CircularConvolution if padding == "circular" else Convolution)

    def convolution(self, fields, shape, tensors, kind):
        self.require(fields, len(shape) == 3, "an image")
        kernel = tensors.take("weight", (None, shape[0], None, None))
        side = kernel.shape[2]
        self.require(fields, side == kernel.shape[3] and side % 2 == 1, "a square kernel of odd side")
        return kind(kernel, *shape[1:])


class SkewSeries(ConvolutionAffine):
    """The sum of A^i x / i! for i = 0, ..., k, plus b, A a skew matrix: the largest |S_k(i t)| for 0 <= t <= ||A||."""

    def read_map(self, fields, shape, tensors):
        self.terms = fields.integer("terms", 1)
        self.require(fields, self.terms <= 20, "at most 20 terms")
        convolution = self.convolution(fields, shape, tensors, Convolution)
        kernel = convolution.weights
        self.require(fields, len(kernel) == shape[0] and np.array_equal(
            kernel, -kernel.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]), "a kernel that is skew to the last bit")
        return convolution

    def bound(self):
        super().bound()
        self.norm_upper_bound = up(root_up(self.norm_square))
        self.lipschitz = root_up(largest_square(self.terms, self.norm_square))

    def apply(self, x):
        term, total, error, errors = x, x, 0.0, 0.0
        for i in range(1, self.terms + 1):
            y, local = super().apply(term)
            term = y / i
            error = (self.norm_upper_bound * error + local) / i + U * norm(term, by_image(x)) + ETA * term.size
            total = total + term
            errors = (errors + error + U * norm(total, by_image(x))) * SLACK
        return total, errors


def largest_square(terms, limit):
    """An upper bound of |S(i sqrt(x))|^2 over 0 <= x <= limit, S(z) the sum of z^n / n! for n = 0, ..., terms; exact.

    p = c_0 + c_m y^m + ... about a part's left end is at most c_0 + y^m (c_m + the positive ones of the rest). Parts
    are halved until that is no more than some value of p, or hardly more than one above 1.
    """
    limit = Fraction(math.ceil(limit * 2**44), 2**44)
    square = [Fraction(0)] * (terms + 1)
    for first in range(terms + 1):
        for second in range(first % 2, terms + 1, 2):  # i^n times the conjugate of i^m is real for n - m even
            sign = 1 if (first - second) % 4 == 0 else -1
            square[(first + second) // 2] += Fraction(sign, math.factorial(first) * math.factorial(second))
    best = max(Fraction(1), sum(c * limit**n for n, c in enumerate(square)))
    largest, parts = best, [(Fraction(0), limit, 0)]
    while parts:
        low, width, depth = parts.pop(0)
        about = square[:]
        for n in range(len(about)):
            for m in range(len(about) - 2, n - 1, -1):
                about[m] += low * about[m + 1]
        best = max(best, about[0])
        lead = next((n for n in range(1, len(about)) if about[n]), 1)
        rise = about[lead] + sum(max(c, 0) * width**n for n, c in enumerate(about[lead + 1:], 1))
        bound = about[0] + max(rise, 0) * width**lead
        if bound <= best or depth == 60 or best > 1 and bound <= best * (1 + Fraction(1, 2**50)):
            largest = max(largest, bound)
        else:
            if len(parts) > 10000:
                raise Refused("the largest value of a series was not found")
            parts += [(low, width / 2, depth + 1), (low + width / 2, width / 2, depth + 1)]
    return largest


class MaxMin(Layer):
    """The larger and the smaller of each two neighbouring channels or features: 1, and exact."""

    def read(self, fields, shape, tensors):
        self.require(fields, shape[0] % 2 == 0, "an even number of channels or features")
        return shape

    def forward(self, x):
        pairs = x.reshape(len(x) // 2, 2, *x.shape[1:])
        return np.stack([pairs.max(1), pairs.min(1)], 1).reshape(x.shape), np.zeros(x.shape[1])


class MaxPooling(Layer):
    """The largest of disjoint s x s windows: 1, and exact."""

    def read(self, fields, shape, tensors):
        self.window = s = fields.integer("window", 1)
        self.require(fields, len(shape) == 3 and shape[1] % s == 0 and shape[2] % s == 0, "windows that tile an image")
        return (shape[0], shape[1] // s, shape[2] // s)

    def windows(self, x):
        height, width = self.output[1:]
        return x.reshape(len(x), x.shape[1], height, self.window, width, self.window)

    def forward(self, x):
        return self.windows(x).max((3, 5)), np.zeros(x.shape[1])


class PixelUnshuffle(MaxPooling):
    """The pixels of each window as channels, row by row behind their own channel: 1, and exact."""

    def read(self, fields, shape, tensors):
        shape = super().read(fields, shape, tensors)
        return (shape[0] * self.window**2, *shape[1:])

    def forward(self, x):
        return (self.windows(x).transpose(0, 3, 5, 1, 2, 4).reshape(self.output[0], x.shape[1], *self.output[1:]),
                np.zeros(x.shape[1]))


class FirstChannels(Layer):
    """The first channels or features: 1, and exact."""

    def read(self, fields, shape, tensors):
        channels = fields.integer("channels", 1)
        self.require(fields, channels <= shape[0], "no more channels than there are")
        return (channels, *shape[1:])

    def forward(self, x):
        return x[:self.output[0]], np.zeros(x.shape[1])


KINDS = layers.KINDS | {
    "affine-dense": DenseAffine, "affine-convolution": ConvolutionAffine, "skew-convolution": SkewSeries,
    "max-min": MaxMin, "max-pooling": MaxPooling, "pixel-unshuffle": PixelUnshuffle, "first-channels": FirstChannels,
}
