# SPDX-License-Identifier: Apache-2.0

"""Bundles made to deceive: extreme numbers, names that print, shapes and files of odd kinds, output that nobody takes."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

from cpl_check.verdict import NOT_SHOWN, Finding

from .networks import Network, honest_bundle

ROOT = Path(__file__).parent.parent


class Hostile(unittest.TestCase):
    def run_on(self, files, prepare=lambda folder: None, **options):
        """The program's exit code for a bundle, with digests that fit, and what it prints."""
        files.sign()
        with tempfile.TemporaryDirectory() as folder:
            files.write(Path(folder))
            prepare(Path(folder))
            done = subprocess.run([sys.executable, "-B", "-m", "cpl_check", folder], cwd=ROOT, text=True,
                                  timeout=60, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options})
        self.assertNotIn("Traceback", done.stderr if done.stderr and "stdout" not in options else "")
        return done

    def honest(self):
        return honest_bundle(np.random.default_rng(4))

    def test_products_of_constants_that_underflow_give_no_endless_radius(self):
        network = Network((1, 1, 1))
        network.normalize([0.0], [2.0**12])
        network.add("clone-padding", 2.0**-1022, output=(2, 1, 1), channels=2, divisor=(2.0**1023).hex())
        network.add("flatten", output=(2,))
        network.add("normalized-head", None, tensors=[("weight", [[1, 0], [1, 2.0**-45]]), ("bias", [2.0**-149, 0])])
        # At 2^1000 the margin is 2^-149 - 2^-80.
        self.assertEqual(self.run_on(network.bundle(np.ones((1, 1, 1, 1)), [(0, 2.0**1000)])).returncode, 2)

    def test_radii_beyond_any_image_and_minus_zero_are_not_accepted(self):
        for radius, code in ((1.7e308, 2), (-0.0, 65)):
            files = self.honest()
            files.claims["images"][0]["radius"] = radius.hex()
            self.assertEqual(self.run_on(files).returncode, code)

    def test_a_finding_without_a_number_says_so(self):
        for gap in (float("inf"), -float("inf"), float("nan")):
            self.assertTrue(str(Finding("a", NOT_SHOWN, gap)).endswith("not shown, no number of its own: evaluations overflow"))
        self.assertEqual(str(Finding("a", NOT_SHOWN, -0.5)), "a: not shown, gap -0.5")

    def test_names_cannot_print_a_verdict(self):
        for name in ("x: holds\n5 claims, 5 hold\n/tmp/p: holds\x1b[8m", "x: holds", "\ud800", "a" * 201, ""):
            for where in ("name", "weight", "kind", "more"):
                files = self.honest()
                layer = next(layer for layer in files.claims["layers"] if "weight" in layer)
                if where == "more":
                    files.claims[name + "\n"] = 1
                elif where == "weight" and name and name.isascii():
                    files.tensors[name] = files.tensors.pop(layer["weight"])
                    layer[where] = name
                else:
                    layer[where] = name
                done = self.run_on(files)
                self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (65, "", 1), (name, where))

    def test_shapes_of_odd_kinds_are_refused(self):
        for shape in ([1] * 100, [0, 2**47, 2**47], [0, 2, 1, 1], [-1], [2**60]):
            files = self.honest()
            name = next(iter(files.tensors))
            text = str(list(files.tensors[name].shape)).encode()

            def edit(data, text=text, shape=shape):
                length = int.from_bytes(data[:8], "little")
                header = data[8:8 + length].replace(text, str(shape).encode(), 1)
                return len(header).to_bytes(8, "little") + header + data[8 + length:]

            files.edits["weights.safetensors"] = edit
            self.assertEqual(self.run_on(files).returncode, 65, shape)

    def test_layers_without_hidden_units_are_refused(self):
        network = Network((1, 2, 2))
        network.normalize([0.0], [1.0])
        network.add("convolution", step=(1.0).hex(), norm=(1.0).hex(),
                    tensors=[("weight", np.zeros((0, 1, 1, 1))), ("bias", np.zeros(0))])
        network.add("flatten", output=(4,))
        network.head("first-features-head", None, 2)
        self.assertEqual(self.run_on(network.bundle(np.ones((1, 1, 2, 2)), [(0, 0.0)])).returncode, 65)

    def test_what_is_not_a_file_is_refused(self):
        def pipe(folder):
            (folder / "claims.json").unlink()
            os.mkfifo(folder / "claims.json")

        def endless(folder):
            (folder / "images.npy").unlink()
            (folder / "images.npy").symlink_to("/dev/zero")

        for prepare in (pipe, endless):
            self.assertEqual(self.run_on(self.honest(), prepare).returncode, 65)

    def test_a_statement_of_another_number_of_images_is_refused(self):
        for claimed, code in ((3, 0), (4, 65), ("3", 65)):
            files = self.honest()
            sign = files.sign

            def signed(claimed=claimed, files=files, sign=sign):
                sign()
                files.statement["predicate"]["data"] = {"claimed": claimed}

            files.sign = signed
            self.assertEqual(self.run_on(files).returncode, code, claimed)

    def test_a_verdict_that_cannot_be_written_is_no_refutation(self):
        with open("/dev/full", "w") as full:
            self.assertEqual(self.run_on(self.honest(), stdout=full).returncode, 70)
        reading, writing = os.pipe()
        os.close(reading)
        self.assertEqual(self.run_on(self.honest(), stdout=writing).returncode, 70)
        os.close(writing)

    def test_honest_norms_of_small_kernels_are_shown(self):
        random = np.random.default_rng(1)
        for exponent in (-20, -45, -60):
            network = Network((3, 4, 4))
            network.normalize([0.5] * 3, [1.0] * 3)
            network.potential(random.standard_normal((2, 3, 1, 1)) * 2.0**exponent, np.zeros(2), step=1.0)
            network.add("flatten", output=(48,))
            network.head("first-features-head", random, 2)
            image = random.random((3, 4, 4), dtype=np.float32)
            done = self.run_on(network.bundle([image], [network.claim(image)]))
            self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    unittest.main()
