# SPDX-License-Identifier: Apache-2.0

"""Products of matrices in IEEE binary64 with proved bounds of their errors (README, section 2).

Nothing is assumed of the order in which a library of linear algebra sums, nor of fused operations.
"""

import math

import numpy as np

U = 2.0**-53  # the unit roundoff of binary64
ETA = 2.0**-1000  # an operation that underflows errs by much less
SLACK = 1 + 2.0**-40  # covers 2**12 roundings in the evaluation of a bound, a sum of non-negative terms


class Refused(Exception):
    """The bundle, or the machine, is not what it has to be."""


def gamma(count):
    """n u / (1 - n u), rounded up."""
    if count * U > 2.0**-20:
        raise Refused(f"sums of {count} terms are too long for binary64")
    return count * U / (1 - count * U) * SLACK


def check_arithmetic():
    """Refuses machines without round to nearest, gradual underflow and sums of products in binary64."""
    one, tiny = np.full(64, 1.0), np.full(64, 2.0**-1022)
    right = [
        np.all((one + 2.0**-53) == 1) and np.all((one + 3 * 2.0**-53) == 1 + 2.0**-51),
        np.all((-one - 2.0**-53) == -1) and np.all((one + 2.0**-52) > 1),
        np.all(tiny / 2 > 0) and np.all(tiny * 2.0**-52 == 2.0**-1074),
        np.all((tiny[:, None] @ np.full((1, 64), 0.5)) == 2.0**-1023),
        float(np.full(64, 2.0**26 + 1) @ np.full(64, 2.0**20 + 1)) == 64 * (2**26 + 1) * (2**20 + 1),
    ]
    if not all(right):
        raise Refused("this machine's numpy does not compute as IEEE 754 says, with gradual underflow")


def norm(values, axes=None):
    """An upper bound of the Euclidean norm, over some axes."""
    if axes is None:
        axes = tuple(range(values.ndim))
    count = math.prod(values.shape[axis] for axis in axes)
    square = np.sum(values * values, axis=axes)
    # count roundings of non-negative terms, and squares that underflow.
    return np.sqrt(square * (1 + gamma(count + 2)) + count * ETA) * SLACK


class Split:
    """M = high + low: high has `bits` bits below `top`, a power of two that no |element| exceeds.

    |low| <= top 2**-bits / 2. Both are exact. With `axes`, `top` is one number for each slice along
    the other axes.
    """

    def __init__(self, whole, bits, axes=None):
        largest = np.max(np.abs(whole), axis=axes, keepdims=axes is not None, initial=0.0)
        exponent = np.where(largest > 0, np.maximum(np.frexp(largest)[1], -300), -300)
        self.top = np.ldexp(1.0, exponent)
        grid = np.ldexp(1.0, exponent - bits)
        self.bits = bits
        self.whole = whole
        self.high = np.rint(whole / grid) * grid
        self.low = whole - self.high


def bits_for(terms):
    """b such that sums of so many products of two numbers of b bits are exact: terms 2**2b <= 2**53."""
    return (53 - terms.bit_length()) // 2


def product(multiply, first, second, terms):
    """multiply(first, second) and a radius: the result errs by at most U |result| + radius.

    `multiply` is a sum of at most `terms` products of an element of each factor, whatever its order.
    With T = terms top top' 2**-bits, |first| |second.low| and |first.low| |second| sum to T/2 each.
    """
    if terms << (first.bits + second.bits) > 1 << 53:
        raise Refused("factors with too many bits for exact sums")
    main = multiply(first.high, second.high)
    rest = multiply(first.high, second.low)
    rest += multiply(first.low, second.whole)
    main += rest
    coarse = terms * first.top * second.top * 2.0 ** -min(first.bits, second.bits)
    return main, (gamma(terms + 4) * coarse + 4 * terms * ETA) * SLACK


def matrix_product(first, second):
    """first @ second with one radius for all elements: |error| <= U |result| + radius."""
    terms = first.shape[1]
    bits = bits_for(terms)
    return product(np.matmul, Split(first, bits), Split(second, bits), terms)


def product_error(value, radius):
    """The Frobenius norm of the error of a product."""
    return (U * norm(value) + radius * math.sqrt(value.size)) * SLACK
