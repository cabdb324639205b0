# SPDX-License-Identifier: Apache-2.0

"""Tests of the module against the program that it runs: python3 -m unittest discover python/tests.

They need NumPy; those of PyTorch and pandas are skipped where these are missing. Without the wheel installed,
CPL_VERIFY_PROGRAM names the program and PYTHONPATH the folder python.
"""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

import numpy as np

import cpl_verify

try:
    import torch
except ImportError:
    torch = None
try:
    import pandas
except ImportError:
    pandas = None

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
CHECKPOINT = REPOSITORY / "fixtures" / "shipped" / "small.pt"
IMAGES = 4


def command(*arguments):
    """What the program says of the command line, as JSON."""
    done = subprocess.run(
        [cpl_verify.program(), *map(str, arguments), "--json", "--quiet"], capture_output=True,
        text=True, check=False)
    assert done.returncode in (0, 1, 2), done.stderr
    return json.loads(done.stdout)


def safetensors(path):
    """The arrays of a safetensors file of binary32 numbers."""
    content = pathlib.Path(path).read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8:8 + size])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        assert entry["dtype"] == "F32", entry
        tensors[name] = np.frombuffer(content[begin:end], "<f4").reshape(entry["shape"])
    return tensors


class Trials(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.scratch.name)
        subprocess.run(
            [cpl_verify.program(), "synthesize", str(cls.folder / "images")],
            capture_output=True, check=True)
        records = np.fromfile(cls.folder / "images" / "test_batch.bin", np.uint8).reshape(-1, 3073)
        cls.labels = records[:IMAGES, 0]
        cls.images = records[:IMAGES, 1:].reshape(-1, 3, 32, 32)
        cls.expected = command(
            "audit", CHECKPOINT, "--data", cls.folder / "images", "--limit", IMAGES)
        # The headline says of how many images these are the first, which arrays do not tell.
        del cls.expected["headline"]

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def audited(self, model, images=None, labels=None, **options):
        images = self.images if images is None else images
        result = cpl_verify.audit(model, images, self.labels if labels is None else labels, **options)
        summary = dict(result.summary)
        self.assertIn(f"{IMAGES} of {IMAGES} images attacked", summary.pop("headline"))
        return result, summary

    def test_a_file_s_figures_are_the_command_line_s(self):
        result, summary = self.audited(CHECKPOINT)
        self.assertEqual(summary, self.expected)
        self.assertEqual(result.verdict, self.expected["verdict"])

    def test_figures_of_arrays_are_the_command_line_s(self):
        weights = self.folder / "arrays.safetensors"
        command("convert", CHECKPOINT, weights)
        expected = command(
            "audit", weights, "--data", self.folder / "images", "--limit", IMAGES)
        # The file says in its metadata what the arrays alone do not.
        _, summary = self.audited(safetensors(weights), steps="shipped")
        for name in ["tightness", "certified", "lipschitz_upper_bound", "passes"]:
            self.assertEqual(summary[name], expected[name], name)

    @unittest.skipUnless(torch, "needs PyTorch")
    def test_figures_of_a_module_and_of_its_state_are_the_command_line_s(self):
        class Module(torch.nn.Module):
            def __init__(self, state):
                super().__init__()
                self.state = state

            def state_dict(self):
                return self.state

        state = torch.load(CHECKPOINT, weights_only=True)
        state = state.get("state_dict", state)
        images, labels = torch.from_numpy(self.images), torch.from_numpy(self.labels)
        for model in [state, Module(state)]:
            _, summary = self.audited(model, images, labels)
            self.assertEqual(summary, self.expected)

    @unittest.skipUnless(torch, "needs PyTorch")
    def test_a_published_network_in_pytorch_is_audited_as_its_checkpoint_is(self):
        sys.path.insert(0, str(REPOSITORY / "fixtures"))
        from cpl_torch import CPLNetwork, NormalizedNetwork, Quirks

        torch.manual_seed(1)
        module = NormalizedNetwork(CPLNetwork(
            channels=4, conv_layers=2, conv_inner=3, linear_layers=1, linear_inner=8,
            quirks=Quirks.published())).eval()
        with torch.no_grad():
            module(torch.zeros(1, 3, 32, 32))  # which stores σ̂, as the published evaluation does
        saved = self.folder / "module.pt"
        torch.save(module.state_dict(), saved)
        expected = command(
            "audit", saved, "--data", self.folder / "images", "--limit", IMAGES)
        del expected["headline"]
        _, summary = self.audited(module)
        self.assertEqual(summary, expected)

    def test_tables_are_arrays_with_a_row_for_each_image(self):
        result = cpl_verify.certify(CHECKPOINT, self.images, self.labels)
        table = result.table("certificates")
        self.assertEqual(table["index"].tolist(), list(range(IMAGES)))
        self.assertEqual(table["label"].tolist(), self.labels.tolist())
        radii = [image["radius"]["sound"] for image in result.summary["images"]]
        self.assertEqual(table["radius_sound"].tolist(), radii)
        self.assertIn("radius", result.meanings["certificates", "radius_sound"])
        with self.assertRaisesRegex(KeyError, "there are .*certificates"):
            result.table("rows")

    def test_bounds_have_a_row_for_each_layer(self):
        result = cpl_verify.bounds(CHECKPOINT, self.images, self.labels)
        names = [layer["name"] for layer in result.summary["layers"]]
        self.assertEqual(result.table("layers")["layer"].tolist(), names)
        self.assertTrue(np.isnan(result.table("layers")["sigma_upper"][0]))
        self.assertGreater(result.table("network")["lipschitz_upper"][0], 0)
        self.assertIsNone(result.verdict)

    @unittest.skipUnless(pandas, "needs pandas")
    def test_tables_are_frames_too(self):
        frame = cpl_verify.certify(CHECKPOINT, self.images, self.labels).frame("certificates")
        self.assertEqual(len(frame), IMAGES)
        self.assertIn("radius_sound", frame.columns)

    def test_stored_results_are_read_again_and_not_replaced(self):
        kept = self.folder / "kept.h5"
        result, _ = self.audited(CHECKPOINT, out=kept)
        again = cpl_verify.load_results(kept)
        self.assertEqual(again.report, result.report)
        np.testing.assert_array_equal(again.table("audit")["radius"], result.table("audit")["radius"])
        with self.assertRaises(cpl_verify.Error) as raised:
            cpl_verify.certify(CHECKPOINT, self.images, self.labels, out=kept)
        self.assertEqual(raised.exception.exit_code, 73)

    def test_what_the_program_refuses_is_an_error_in_its_words(self):
        for model, options, code, words in [
            (CHECKPOINT, {"frobnicate": 3}, 64, "frobnicate"),
            (CHECKPOINT, {"limit": 0}, 64, "--limit is at least 1, not 0"),
            (self.folder / "none.pt", {}, 66, "none.pt"),
            ({"kernel": np.zeros(3, np.float32)}, {}, 65, "expected"),
        ]:
            with self.assertRaisesRegex(cpl_verify.Error, words) as raised:
                cpl_verify.audit(model, self.images, self.labels, **options)
            self.assertEqual(raised.exception.exit_code, code)

    def test_what_is_no_model_or_no_data_is_refused(self):
        with self.assertRaisesRegex(TypeError, "not int"):
            cpl_verify.audit(3, self.images, self.labels)
        with self.assertRaisesRegex(TypeError, "need their labels"):
            cpl_verify.audit(CHECKPOINT, self.images)
        with self.assertRaisesRegex(TypeError, "'a' holds complex64"):
            cpl_verify.audit({"a": np.zeros(2, np.complex64)}, self.images, self.labels)

    def test_the_command_is_the_program(self):
        said = subprocess.run(
            [sys.executable, "-m", "cpl_verify", "--version"], capture_output=True, check=True)
        program = subprocess.run([cpl_verify.program(), "--version"], capture_output=True, check=True)
        self.assertEqual(said.stdout, program.stdout)


if __name__ == "__main__":
    unittest.main()
