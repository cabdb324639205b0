# SPDX-License-Identifier: Apache-2.0

"""Honest bundles are accepted; false radii are not, held to exact rational arithmetic."""

import tempfile
import unittest
from fractions import Fraction
from pathlib import Path

import numpy as np

from cpl_check.bundle import Bundle
from cpl_check.torus import CircularConvolution
from cpl_check.verdict import HOLDS, check, check_layers, overall

from .networks import Network, honest_bundle, random_network


def verdict(files, sign=True):
    if sign:
        files.sign()
    with tempfile.TemporaryDirectory() as folder:
        files.write(Path(folder))
        findings = check(Bundle(folder))
    return overall(findings), findings


def is_positive_semidefinite(matrix):
    """By elimination in rational numbers."""
    matrix = [list(row) for row in matrix]
    for i, row in enumerate(matrix):
        if row[i] < 0 or row[i] == 0 and any(row[i:]):
            return False
        for other in matrix[i + 1:]:
            if row[i] and other[i]:
                factor = other[i] / row[i]
                other[i:] = [x - factor * y for x, y in zip(other[i:], row[i:])]
    return True


class HonestBundles(unittest.TestCase):
    def test_200_honest_bundles_of_random_networks_are_accepted(self):
        for seed in range(200):
            with self.subTest(seed=seed):
                result, findings = verdict(honest_bundle(np.random.default_rng(seed)))
                self.assertEqual(result, HOLDS, [str(f) for f in findings if f.verdict])

    def test_norms_are_bounds_in_rational_arithmetic(self):
        for seed in range(100):
            random = np.random.default_rng(seed)
            files = honest_bundle(random)
            files.sign()
            with tempfile.TemporaryDirectory() as folder:
                files.write(Path(folder))
                bundle = Bundle(folder)
            check_layers(bundle)
            for layer in bundle.layers:
                if hasattr(layer, "norm_square") and layer.map.shape[0] * 36 < 40:
                    kernel = layer.map.weights
                    if kernel.ndim == 4:
                        from .networks import convolution_matrix
                        circular = isinstance(layer.map, CircularConvolution)
                        kernel = convolution_matrix(kernel, layer.map.height, layer.map.width, circular)
                    rows = [[Fraction(v) for v in row] for row in kernel]
                    gram = [[-sum(x * y for x, y in zip(a, b)) for b in rows] for a in rows]
                    for i, row in enumerate(gram):
                        row[i] += layer.norm_square
                    with self.subTest(seed=seed, layer=layer.name):
                        self.assertTrue(is_positive_semidefinite(gram))

    def test_features_lie_within_their_bound_in_rational_arithmetic(self):
        for seed in range(100):
            random = np.random.default_rng(1000 + seed)
            network = random_network(random)
            images = random.random((2, *network.shape), dtype=np.float32)
            files = network.bundle(images, [(0, 0.0)] * 2)
            files.sign()
            with tempfile.TemporaryDirectory() as folder:
                files.write(Path(folder))
                bundle = Bundle(folder)
            check_layers(bundle)
            x, error = images.transpose(1, 0, 2, 3).astype(float), np.zeros(2)
            for layer in bundle.layers[:-1]:
                x, local = layer.forward(x)
                error = float(layer.lipschitz) * error + local
            for i, image in enumerate(images):
                true = network.features(image, Fraction)
                square = sum((Fraction(v) - t) ** 2 for v, t in zip(x[:, i], true))
                with self.subTest(seed=seed):
                    self.assertLessEqual(square, Fraction(error[i] * (1 + 1e-9)) ** 2)
                    self.assertLess(error[i], 1e-12)


def tight_network(random):
    """Reflections before a head of coordinates: no two images are brought together, so that radii are distances."""
    channels = int(random.choice([2, 4, 8]))
    network = Network((channels, 1, int(random.integers(1, 3))))
    deviation = float(random.choice([0.25, 0.5, 1, 2]))
    network.normalize([0.0] * channels, [deviation] * channels)

    def reflection(count):
        """A row of entries 0 and +-1 whose number is a power of four, times a power of two: h ||w||^2 = 2."""
        size = 4 ** int(random.integers(0, 3))
        size = size if size <= count else 1
        row = np.zeros(count)
        row[random.permutation(count)[:size]] = random.choice([-1, 1], size)
        scale = 2.0 ** random.integers(-2, 3)
        return row[None] * scale, 2 / (size * scale * scale)

    for _ in range(random.integers(0, 3)):
        row, step = reflection(channels)
        network.potential(row[:, :, None, None], [64 * np.abs(row).max()], step=step)
    network.add("flatten", output=(channels * network.shape[2],))
    for _ in range(random.integers(0, 3)):
        row, step = reflection(network.current[0])
        network.potential(row, [1024 * np.abs(row).max()], step=step)
    classes = int(random.integers(2, min(4, network.current[0]) + 1))
    rows = np.eye(network.current[0])[random.permutation(network.current[0])[:classes]]
    rows *= random.choice([-1, 1], classes)[:, None] * 2.0 ** random.integers(-3, 4)
    network.set_head(rows, [0.0] * classes)
    return network, Fraction(deviation)


class AgainstRationalArithmetic(unittest.TestCase):
    def test_no_radius_beyond_the_exact_distance_of_100_tight_networks_is_accepted(self):
        tried = accepted = 0
        for seed in range(100):
            random = np.random.default_rng(seed)
            network, deviation = tight_network(random)
            image = random.random(network.shape, dtype=np.float32)
            features = network.features(image, Fraction)
            signs = [[Fraction(float(v)) for v in row] for row in np.sign(network.rows)]
            logits = [sum(s * f for s, f in zip(row, features)) for row in signs]
            c = max(range(len(logits)), key=lambda j: logits[j])
            # The square of the distance to class j: (z_c - z_j)^2 deviation^2 / ||q_c - q_j||^2.
            square = min((logits[c] - z) ** 2 * deviation**2 / sum((s - t) ** 2 for s, t in zip(signs[c], row))
                         for j, (z, row) in enumerate(zip(logits, signs)) if j != c)
            distance = float(square) ** 0.5
            self.assertGreater(distance, 0)
            for excess in [*10.0 ** random.uniform(-9, -2, 6), 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-2]:
                radius = distance * (1 + excess)
                self.assertGreaterEqual(Fraction(radius) ** 2, square)
                result, _ = verdict(network.bundle([image], [(c, radius)]))
                with self.subTest(seed=seed, excess=excess):
                    self.assertNotEqual(result, HOLDS)
                tried += 1
            result, _ = verdict(network.bundle([image], [(c, distance * (1 - 1e-8))]))
            accepted += result == HOLDS
        self.assertGreaterEqual(tried, 1000)
        self.assertEqual(accepted, 100)  # The networks are tight: the test can fail.


if __name__ == "__main__":
    unittest.main()
