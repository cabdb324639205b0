# SPDX-License-Identifier: Apache-2.0

"""The kinds of layers: what each computes, its Lipschitz constant, and how far its evaluation errs (README, 1 and 3).

A layer maps features with one column an image: (channels, images, height, width) or (features, images).
`lipschitz` is exact; `forward` gives its output and, for each image, a bound of the 2-norm of its own error.
"""

import math
from fractions import Fraction

import numpy as np

from .arithmetic import ETA, SLACK, U, Refused, Split, bits_for, gamma, norm, product
from .maps import Convolution, Dense, bound_norm_square


def up(fraction):
    """A binary64 number that is not less."""
    if fraction > 2**1000:
        raise Refused("a constant of the network is beyond 2^1000")
    value = float(fraction)
    while Fraction(value) < fraction:
        value = math.nextafter(value, math.inf)
    return value


def root_up(fraction):
    """A fraction that is not less than the square root, and equal to it for squares of integers."""
    scale = 1 << 200
    square = math.ceil(fraction * scale * scale)
    root = math.isqrt(square)
    return Fraction(root + (root * root < square), scale)


def by_image(values):
    """The axes of an array of features but that of the images."""
    return tuple(axis for axis in range(values.ndim) if axis != 1)


class Layer:
    is_head = False

    def __init__(self, fields, shape, tensors):
        self.output = self.read(fields, shape, tensors)

    def bound(self):
        self.lipschitz = Fraction(1)

    def require(self, fields, condition, expected):
        if not condition:
            raise Refused(f"{fields.place}: expected {expected}")


class Normalize(Layer):
    """(x - mean) / deviation, channel by channel: 1 / least deviation."""

    def read(self, fields, shape, tensors):
        self.mean, self.deviation = fields.binary32s("mean"), fields.binary32s("deviation")
        self.require(fields, len(shape) == 3 and len(self.mean) == len(self.deviation) == shape[0]
                     and min(self.deviation) > 0, "an image, a mean and a positive deviation for each channel")
        return shape

    def bound(self):
        self.lipschitz = 1 / Fraction(min(self.deviation))

    def forward(self, x):
        mean, deviation = (np.array(v)[:, None, None, None] for v in (self.mean, self.deviation))
        z = (x - mean) / deviation
        # Two roundings, each relative to what it gives.
        return z, 3 * U * norm(z, by_image(z)) + ETA * z.size


class ZeroPadding(Layer):
    """Channels of zeros after those of the image: 1, and exact."""

    def read(self, fields, shape, tensors):
        channels = fields.integer("channels")
        self.require(fields, len(shape) == 3 and channels >= shape[0], "an image, and no fewer channels than it has")
        return (channels, *shape[1:])

    def forward(self, x):
        return np.pad(x, [(0, self.output[0] - x.shape[0])] + [(0, 0)] * 3), np.zeros(x.shape[1])


class ClonePadding(Layer):
    """The image, so many times over, divided by a stored number: sqrt(times) / divisor."""

    def read(self, fields, shape, tensors):
        channels, self.divisor = fields.integer("channels", 1), fields.number("divisor")
        self.require(fields, len(shape) == 3 and channels % shape[0] == 0 and self.divisor > 0,
                     "an image, a multiple of its channels, and a positive divisor")
        self.times = channels // shape[0]
        return (channels, *shape[1:])

    def bound(self):
        self.lipschitz = root_up(Fraction(self.times)) / Fraction(self.divisor)

    def forward(self, x):
        z = np.concatenate([x / self.divisor] * self.times)
        return z, 2 * U * norm(z, by_image(z)) + ETA * z.size


class Pooling(Layer):
    """The sum over disjoint s x s windows, divided by s: orthonormal rows."""

    def read(self, fields, shape, tensors):
        self.window = s = fields.integer("window", 1)
        self.require(fields, len(shape) == 3 and shape[1] % s == 0 and shape[2] % s == 0, "windows that tile an image")
        return (shape[0], shape[1] // s, shape[2] // s)

    def forward(self, x):
        s, (channels, height, width) = self.window, self.output
        z = x.reshape(channels, x.shape[1], height, s, width, s).sum((3, 5)) / s
        # At most s^2 roundings of each output, relative to the pooled |x|, whose norm is at most ||x||.
        return z, gamma(s * s + 1) * norm(x, by_image(x)) + ETA * z.size


class Flatten(Layer):
    """An image as features, channel by channel and row by row: 1, and exact."""

    def read(self, fields, shape, tensors):
        self.require(fields, len(shape) == 3, "an image")
        return (math.prod(shape),)

    def forward(self, x):
        return x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1]), np.zeros(x.shape[1])


class ConvexPotential(Layer):
    """z = x - h W' relu(W x + b), with a step h >= 0: max(1, h ||W||^2 - 1)."""

    def read(self, fields, shape, tensors):
        self.step, self.claimed_norm = fields.binary32("step"), fields.number("norm")
        self.require(fields, self.step >= 0 and 0 <= self.claimed_norm < 2.0**200,
                     "a step of at least 0, and a norm from 0 to 2^200")
        self.map = self.read_map(fields, shape, tensors)
        self.bias = tensors.take("bias", (self.map.shape[0],)).astype(np.float64)
        return shape

    def bound(self):
        self.norm_square, self.norm_lower_bound = bound_norm_square(self.map, self.claimed_norm)
        self.norm_upper_bound = up(root_up(self.norm_square))
        self.lipschitz = max(Fraction(1), Fraction(self.step) * self.norm_square - 1)

    def forward(self, x):
        axes = by_image(x)
        y, radius = self.map.apply(x)
        p = self.map.add_bias(y, self.bias)
        size = math.prod(p.shape) // p.shape[1]
        # relu moves no two numbers apart.
        hidden = U * (norm(y, axes) + norm(p, axes)) + radius.ravel() * math.sqrt(size)
        r, radius = self.map.apply_transposed(np.maximum(p, 0))
        t = self.step * r
        z = x - t
        size = math.prod(z.shape) // z.shape[1]
        residual = U * norm(r, axes) + radius.ravel() * math.sqrt(size)
        return z, (self.step * (self.norm_upper_bound * hidden + residual)
                   + U * (norm(t, axes) + norm(z, axes)) + ETA * size) * SLACK


class DensePotential(ConvexPotential):
    def read_map(self, fields, shape, tensors):
        self.require(fields, len(shape) == 1, "features")
        return Dense(tensors.take("weight", (None, shape[0])))


class ConvolutionPotential(ConvexPotential):
    def read_map(self, fields, shape, tensors):
        self.require(fields, len(shape) == 3, "an image")
        kernel = tensors.take("weight", (None, shape[0], None, None))
        side = kernel.shape[2]
        self.require(fields, side == kernel.shape[3] and side % 2 == 1, "a square kernel of odd side")
        return Convolution(kernel, *shape[1:])


class Head(Layer):
    """Logits. `margins` gives those of each class over class c, their errors at exact features, and their constants."""

    is_head = True

    def margins(self, y, classes):
        z, error = self.logits(y)
        images = np.arange(len(classes))
        own = z[classes, images]
        margins = own - z
        return margins, (error + error[classes, images] + 2 * U * np.abs(margins)) * SLACK, self.constants[classes].T


class NormalizedHead(Head):
    """q_i x + b_i with q_i = w_i / max(||w_i||, 1e-12): for a pair of classes ||q_i - q_j||."""

    def read(self, fields, shape, tensors):
        self.require(fields, len(shape) == 1, "features")
        self.weights = tensors.take("weight", (None, shape[0])).astype(np.float64)
        self.bias = tensors.take("bias", (len(self.weights),)).astype(np.float64)
        return (len(self.weights),)

    def bound(self):
        # Squares of binary32 numbers are exact and fsum rounds once; a root and a quotient follow: an element
        # of a row errs by 4 U of itself, and a row, whose length is at most 1, by 4 U.
        lengths = np.array([max(math.sqrt(math.fsum(row * row)), 1e-12) for row in self.weights])
        self.rows = self.weights / lengths[:, None]
        self.row_error = 4 * U * SLACK + ETA * self.rows.size
        differences = self.rows[:, None, :] - self.rows[None, :, :]
        self.constants = (norm(differences, (2,)) * (1 + 2 * U) + 2 * self.row_error) * SLACK
        self.split = Split(self.rows, bits_for(self.rows.shape[1]))

    def logits(self, y):
        value, radius = product(np.matmul, self.split, Split(y, self.split.bits, (0,)), self.rows.shape[1])
        z = value + self.bias[:, None]
        return z, U * (np.abs(value) + np.abs(z)) + radius + self.row_error * norm(y, (0,))


class PooledHead(Head):
    """One number of each group of features: as a map 1-Lipschitz, so that a margin has the constant sqrt(2)."""

    def read(self, fields, shape, tensors):
        self.require(fields, len(shape) == 1, "features")
        classes = fields.integer("classes", 1)
        self.require(fields, classes <= shape[0], "a feature for each class")
        self.group = shape[0] // classes
        return (classes,)

    def bound(self):
        self.set_constants(Fraction(1))

    def set_constants(self, lipschitz):
        constant = up(root_up(Fraction(2)) * lipschitz)
        self.constants = np.full((self.output[0], self.output[0]), constant)

    def grouped(self, y):
        return y[:self.group * self.output[0]].reshape(self.output[0], self.group, -1)

    def logits(self, y):
        z = self.choose(y)
        return z, np.zeros(z.shape)


class FirstFeaturesHead(PooledHead):
    """The first features, one a class."""

    def choose(self, y):
        return y[:self.output[0]]


class MaximumHead(PooledHead):
    """The largest of each group of neighbouring features."""

    def choose(self, y):
        return self.grouped(y).max(1)


class MeanHead(PooledHead):
    """The mean of each group times a stored factor: orthogonal rows of length factor / sqrt(group)."""

    def read(self, fields, shape, tensors):
        self.factor = fields.number("factor")
        self.require(fields, self.factor >= 0, "a factor of at least 0")
        return super().read(fields, shape, tensors)

    def bound(self):
        self.set_constants(root_up(Fraction(self.factor) ** 2 / self.group))

    def logits(self, y):
        grouped = self.grouped(y)
        z = self.factor * (grouped.sum(1) / self.group)
        sums = self.factor * (np.abs(grouped).sum(1) / self.group)
        return z, (gamma(2 * self.group + 4) * sums + (1 + self.factor) * ETA) * SLACK


KINDS = {
    "normalize": Normalize, "zero-padding": ZeroPadding, "clone-padding": ClonePadding,
    "convolution": ConvolutionPotential, "pooling": Pooling, "flatten": Flatten, "dense": DensePotential,
    "normalized-head": NormalizedHead, "first-features-head": FirstFeaturesHead,
    "maximum-head": MaximumHead, "mean-head": MeanHead,
}
