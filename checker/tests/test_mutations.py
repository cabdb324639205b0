# SPDX-License-Identifier: Apache-2.0

"""Bundles in which something was changed are not accepted.

A change that leaves the statement's digests as they were is noticed by them. Where a change makes a claim false or
the bundle senseless, it is made in bundles with digests that fit, too: there only the checker's arithmetic and its
reading stand in the way.
"""

import json
import os
import struct
import tempfile
import unittest
from pathlib import Path

import numpy as np

from cpl_check.__main__ import main
from cpl_check.arithmetic import Refused
from cpl_check.bundle import Bundle
from cpl_check.verdict import HOLDS, check, overall

from .networks import honest_bundle

RUNS = 25  # of each class


def scaled(text, factor):
    return (float.fromhex(text) * factor).hex()


def choose(random, items):
    return items[int(random.integers(len(items)))]


def potentials(files):
    return [layer for layer in files.claims["layers"] if "norm" in layer]


def norm_down(files, random):
    layer = choose(random, potentials(files))
    layer["norm"] = scaled(layer["norm"], 1 - 1e-6)


def radius_up(files, random):
    claim = choose(random, files.claims["images"])
    claim["radius"] = scaled(claim["radius"], 1 + 1e-5)


def another_class(files, random):
    claim = choose(random, files.claims["images"])
    claim["class"] = claim["class"] + 1 if claim["class"] == 0 else claim["class"] - 1


def lipschitz_down(files, random):
    layer = choose(random, [layer for layer in files.claims["layers"] if "lipschitz" in layer])
    layer["lipschitz"] = scaled(layer["lipschitz"], 1 - 1e-6)


def product_down(files, random):
    files.claims["lipschitz"] = scaled(files.claims["lipschitz"], 1 - 1e-6)


def longer_step(files, random):
    """Half as long again, beyond any step of the networks: the claimed constant is too small."""
    layer = choose(random, [layer for layer in potentials(files) if "step" in layer] or [None])
    if layer is None:
        return norm_down(files, random)
    while float.fromhex(layer["step"]) * float.fromhex(layer["norm"]) ** 2 < 2.01 * float.fromhex(layer["lipschitz"]):
        layer["step"] = float(np.float32(float.fromhex(layer["step"]) * 2)).hex()


def longer_weights(files, random):
    tensor = files.tensors[choose(random, potentials(files))["weight"]]
    tensor *= np.float32(1.001)


def less_deviation(files, random):
    deviation = files.claims["layers"][0]["deviation"]
    deviation[int(np.argmin([float.fromhex(d) for d in deviation]))] = (
        float(np.float32(min(float.fromhex(d) for d in deviation) * 0.999))).hex()


def last_bit(files, random):
    tensor = files.tensors[choose(random, list(files.tensors))].reshape(-1)
    tensor.view("<u4")[random.integers(tensor.size)] ^= np.uint32(1)


def image_byte(files, random):
    flat = files.images.reshape(-1).view("u1")
    flat[random.integers(flat.size)] ^= np.uint8(1 << random.integers(0, 8))


def step_bit(files, random):
    layers = [layer for layer in potentials(files) if "step" in layer]
    if not layers:
        return mean_bit(files, random)
    layer = choose(random, layers)
    layer["step"] = float(np.nextafter(np.float32(float.fromhex(layer["step"])), np.float32(0))).hex()


def mean_bit(files, random):
    mean = files.claims["layers"][0]["mean"]
    place = int(random.integers(len(mean)))
    mean[place] = float(np.nextafter(np.float32(float.fromhex(mean[place])), np.float32(2))).hex()


def image_far(files, random):
    """An image of another class in the place of a claimed one."""
    place = int(random.integers(len(files.images)))
    files.images[place] = files.images[place] + np.float32(1e4) * (random.random(files.images[place].shape) - 0.5)
    files.claims["images"][place]["radius"] = (1e6).hex()


def missing_layer(files, random):
    layers = files.claims["layers"]
    kept = [i for i, layer in enumerate(layers) if layer["kind"] != "max-min" and (
        layer["kind"] not in ("zero-padding", "clone-padding") or layer["channels"] != files.images.shape[1])]
    layers.pop(choose(random, kept))


def missing_layer_and_tensors(files, random):
    layers = [layer for layer in files.claims["layers"] if layer["kind"] in ("normalize", "flatten", "pooling")
              or layer["kind"].endswith("head")]
    layer = choose(random, layers)
    for field in ("weight", "bias"):
        files.tensors.pop(layer.get(field), None)
    files.claims["layers"].remove(layer)


def unknown_kind(files, random):
    choose(random, files.claims["layers"])["kind"] = choose(random, ["attention", "", "Dense", "dense ", "sll"])


def layer_twice(files, random):
    layer = choose(random, potentials(files))
    files.claims["layers"].insert(files.claims["layers"].index(layer), dict(layer))


def not_a_number(files, random):
    places = ["weights", "image", "radius", "norm", "step", "mean", "lipschitz"]
    place, bad = choose(random, places), choose(random, [np.nan, np.inf, -np.inf])
    if place == "weights":
        tensor = files.tensors[choose(random, list(files.tensors))].reshape(-1)
        tensor[random.integers(tensor.size)] = bad
    elif place == "image":
        files.images.reshape(-1)[random.integers(files.images.size)] = bad
    elif place == "radius":
        choose(random, files.claims["images"])["radius"] = float(bad).hex()
    elif place == "lipschitz":
        files.claims["lipschitz"] = float(bad).hex()
    elif place == "mean":
        files.claims["layers"][0]["mean"][0] = float(bad).hex()
    else:
        choose(random, potentials(files))[place] = float(bad).hex()


def bare_constant(files, random):
    """NaN, Infinity, and fractions as JSON has them."""
    choose(random, files.claims["images"])["radius"] = choose(random, [float("nan"), float("inf"), 0.25, 1e400, None])


def huge_exponent(files, random):
    text = choose(random, ["0x1.0000000000000p+1023", "0x1p+5000", "0x1.0000000000000p+500"])
    place = choose(random, ["radius", "norm-of-weights", "step"])
    if place == "radius":
        choose(random, files.claims["images"])["radius"] = text
    elif place == "step":
        choose(random, potentials(files))["step"] = text
    else:
        tensor = files.tensors[choose(random, potentials(files))["weight"]].reshape(-1)
        tensor[random.integers(tensor.size)] = np.float32(2.0**127)


def another_number_form(files, random):
    """The same number, or nearly, not as float.hex writes it."""
    claim = choose(random, files.claims["images"])
    claim["radius"] = choose(random, ["0.1", "0X1P-3", " " + claim["radius"], claim["radius"].replace("p", "0p"), "0x.8p+0", "1e-3"])


def step_of_binary64(files, random):
    choose(random, potentials(files))["step"] = (0.1).hex()


def another_dtype(files, random):
    files.dtype = choose(random, ["F16", "F64", "BF16", "I32", "f32", "U8"])


def images_of_another_dtype(files, random):
    files.images = files.images.astype(choose(random, [">f4", "<f8", "<f2", "<i4", "O"]))


def fewer_images(files, random):
    files.images = files.images[:-1]


def transposed_images(files, random):
    files.images = np.ascontiguousarray(files.images.transpose(0, 2, 3, 1))[:, :, :1]


def transposed_weights(files, random):
    name = choose(random, [layer["weight"] for layer in files.claims["layers"] if "weight" in layer])
    files.tensors[name] = np.ascontiguousarray(files.tensors[name].reshape(1, -1))[None]


def tensor_too_many(files, random):
    files.tensors["more"] = np.zeros((1, 2), "<f4")


def shared_tensor(files, random):
    layers = potentials(files)
    layers[0]["weight"] = layers[-1]["bias"]


def field_too_many(files, random):
    choose(random, [files.claims, *files.claims["layers"], *files.claims["images"]])["more"] = 1


def field_missing(files, random):
    holder = choose(random, [files.claims, *files.claims["layers"], *files.claims["images"]])
    holder.pop(choose(random, list(holder)))


def negative_radius(files, random):
    claim = choose(random, files.claims["images"])
    claim["radius"] = scaled(claim["radius"], -1)


def index_twice(files, random):
    files.claims["images"][1]["index"] = files.claims["images"][0]["index"]


def name_twice(files, random):
    first = choose(random, [b'{"format": "cpl-claims", ', b'{"lipschitz": "0x1.0000000000000p+3", '])
    files.edits["claims.json"] = lambda data: first + data[1:]


def cut(files, random):
    name, share = choose(random, ["claims.json", "images.npy", "weights.safetensors"]), random.random()
    files.edits[name] = lambda data: data[:int(share * len(data))]


def longer_file(files, random):
    name = choose(random, ["images.npy", "weights.safetensors"])
    files.edits[name] = lambda data: data + b"\0\0\0\0"


def hostile_header(files, random):
    length = choose(random, [0, 2**40, 2**63 + 1, 2**64 - 8])
    files.edits["weights.safetensors"] = lambda data: struct.pack("<Q", length) + data[8:]


def another_version(files, random):
    field, value = choose(random, [("version", 2), ("version", True), ("format", "cpl-claims-2")])
    files.claims[field] = value


FALSE = [norm_down, radius_up, another_class, lipschitz_down, product_down, longer_step, longer_weights, less_deviation,
         image_far, missing_layer, missing_layer_and_tensors, unknown_kind, layer_twice, not_a_number, bare_constant,
         huge_exponent, another_number_form, step_of_binary64, another_dtype, images_of_another_dtype, fewer_images,
         transposed_images, transposed_weights, tensor_too_many, shared_tensor, field_too_many, field_missing,
         negative_radius, index_twice, name_twice, cut, longer_file, hostile_header, another_version]
# Another network, or other images, of which the claims may well be true: the digests alone tell.
OTHER = [last_bit, image_byte, step_bit, mean_bit]


def accepted(files):
    with tempfile.TemporaryDirectory() as folder:
        files.write(Path(folder))
        try:
            return overall(check(Bundle(folder))) == HOLDS
        except Refused:
            return False


class Mutations(unittest.TestCase):
    def mutants(self, mutation, signed):
        count = seed = 0
        while count < RUNS:
            seed += 1
            random = np.random.default_rng([seed, len(mutation.__name__), signed])
            files = honest_bundle(random)
            if any(float.fromhex(claim["radius"]) <= 1e-6 for claim in files.claims["images"]):
                continue
            files.sign()
            before = files.contents()
            mutation(files, random)
            if files.contents() == before:
                continue
            if signed:
                files.sign()
            count += 1
            yield seed, files

    def test_changed_bundles_are_not_accepted(self):
        tried = 0
        for mutation in FALSE + OTHER:
            for signed in [False, True] if mutation in FALSE else [False]:
                for seed, files in self.mutants(mutation, signed):
                    with self.subTest(mutation=mutation.__name__, seed=seed, signed=signed):
                        self.assertFalse(accepted(files))
                    tried += 1
        self.assertGreaterEqual(tried, 1000)

    def test_changed_statements_are_not_accepted(self):
        for seed in range(60):
            random = np.random.default_rng(seed)
            files = honest_bundle(random)
            files.sign()
            statement = files.statement
            resource = choose(random, [*statement["subject"], statement["predicate"]["claims"]])
            change = seed % 6
            if change == 0:
                resource["digest"]["sha256"] = resource["digest"]["sha256"][::-1]
            elif change == 1:
                statement["subject"].remove(resource) if resource in statement["subject"] else statement.pop("predicate")
            elif change == 2:
                statement["predicateType"] = "urn:cpl-verify:real-certificate:2"
            elif change == 3:
                resource["digest"] = {"sha512": "0" * 128}
            elif change == 4:
                resource["name"] = choose(random, ["../claims.json", "weights", "", 3])
            else:
                files.statement = choose(random, [[], {}, "", None, {"subject": 1}])
            with self.subTest(seed=seed):
                self.assertFalse(accepted(files))

    def test_exit_codes_tell_the_verdicts_apart(self):
        def code(files):
            with tempfile.TemporaryDirectory() as folder:
                files.write(Path(folder))
                return main([folder])

        with open(os.devnull, "w") as nothing:
            stdout, stderr = os.dup(1), os.dup(2)
            os.dup2(nothing.fileno(), 1), os.dup2(nothing.fileno(), 2)
            try:
                files = honest_bundle(np.random.default_rng(0))
                files.sign()
                codes = [code(files)]
                radius_up(files, np.random.default_rng(0))
                codes.append(code(files))
                files.sign()
                codes.append(code(files))
                norm_down(files, np.random.default_rng(0))
                files.claims["layers"][-1], classes = files.claims["layers"][-1], files.claims["images"]
                for claim in classes:
                    claim["class"] = 1 - min(1, claim["class"])
                files.sign()
                codes.append(code(files))
                codes += [main(["/no/such/folder"]), main([]), main(["--version"])]
            finally:
                os.dup2(stdout, 1), os.dup2(stderr, 2)
        self.assertEqual(codes, [0, 65, 2, 1, 65, 64, 0])


if __name__ == "__main__":
    unittest.main()
