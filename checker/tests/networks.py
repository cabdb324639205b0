# SPDX-License-Identifier: Apache-2.0

"""Random small networks and bundles of them, made without anything of the checker's arithmetic."""

import hashlib
import io
import json
import math
import struct
from fractions import Fraction

import numpy as np


def hexadecimal(value):
    return float(value).hex()


def convolution_matrix(kernel, height, width, circular=False):
    """The convolution entry by entry, with zeros or the opposite edges around the image."""
    inner, channels, side, _ = kernel.shape
    matrix = np.zeros((inner, height, width, channels, height, width))
    for y in range(height):
        for x in range(width):
            for a in range(side):
                for b in range(side):
                    row, column = y + a - side // 2, x + b - side // 2
                    if circular:
                        row, column = row % height, column % width
                    if 0 <= row < height and 0 <= column < width:
                        matrix[:, y, x, :, row, column] += kernel[:, :, a, b]
    return matrix.reshape(inner * height * width, -1)


class Network:
    """Layers as claims.json has them, their tensors, and images with what is claimed of them."""

    def __init__(self, shape):
        self.shape, self.layers, self.tensors, self.matrices = shape, [], {}, []
        self.current, self.lipschitz = shape, 1.0

    def add(self, kind, lipschitz=1.0, parts=(None, None, None), output=None, tensors=(), **fields):
        name = f"{kind}.{len(self.layers)}"
        layer = {"kind": kind, "name": name, **fields}
        for field, value in tensors:
            layer[field] = f"{name}/{field}"
            self.tensors[f"{name}/{field}"] = np.asarray(value, dtype="<f4")
        if lipschitz is not None:
            layer["lipschitz"] = hexadecimal(lipschitz)
            self.lipschitz = math.nextafter(self.lipschitz * lipschitz, math.inf)
        self.layers.append(layer)
        self.matrices.append((kind, *parts, {"name": name, **fields}))
        self.current = output or self.current

    def normalize(self, mean, deviation):
        mean, deviation = ([float(np.float32(v)) for v in values] for values in (mean, deviation))
        self.add("normalize", math.nextafter(1 / min(deviation), math.inf), mean=[hexadecimal(v) for v in mean],
                 deviation=[hexadecimal(v) for v in deviation])
        self.matrices[-1] = ("normalize", np.array(mean), np.array(deviation), None, {})

    def potential(self, weights, bias, step=None, factor=1.0):
        """A convex potential layer; without a step with the largest that leaves it non-expansive, times `factor`."""
        weights = np.asarray(weights, dtype=np.float32).astype(float)
        bias = np.asarray(bias, dtype=np.float32).astype(float)
        dense = weights.ndim == 2
        matrix = weights if dense else convolution_matrix(weights, *self.current[1:])
        norm = np.linalg.norm(matrix, 2) * (1 + 2.0**-32)
        if step is None:
            step = float(np.nextafter(np.float32(2 / (norm * norm + 1e-4)), np.float32(0))) * factor
            step = float(np.float32(step))
        constant = max(1.0, (Fraction(step) * Fraction(norm) ** 2 - 1))
        constant = 1.0 if constant == 1 else math.nextafter(float(constant), math.inf)
        full = bias if dense else np.repeat(bias, self.current[1] * self.current[2])
        self.add("dense" if dense else "convolution", constant, (matrix, full, step), step=hexadecimal(step),
                 norm=hexadecimal(norm), tensors=[("weight", weights), ("bias", bias)])

    def affine(self, weights, bias, padding=None, terms=None):
        """W x + b; with a number of terms the series of a skew convolution, whose eigenvalues say how far it expands."""
        weights, bias = (np.asarray(v, dtype=np.float32).astype(float) for v in (weights, bias))
        dense = weights.ndim == 2
        matrix = weights if dense else convolution_matrix(weights, *self.current[1:], padding == "circular")
        norm = np.linalg.norm(matrix, 2) * (1 + 2.0**-32)
        constant, fields = norm, {} if dense else {"padding": padding}
        if terms:
            fields = {"terms": terms}
            # Up to 1 the series of 1 and 5 terms expand the more the larger the norm is, those of 4 and 12 do not.
            constant = abs(sum((1j * norm)**n / math.factorial(n) for n in range(terms + 1))) * (1 + 2.0**-32)
            constant = 1.0 if terms % 4 == 0 else constant
        full = bias if dense else np.repeat(bias, self.current[1] * self.current[2])
        self.add("affine-dense" if dense else "skew-convolution" if terms else "affine-convolution", constant,
                 (matrix, full, None), (len(bias), *self.current[1:]), norm=hexadecimal(norm),
                 tensors=[("weight", weights), ("bias", bias)], **fields)

    def features(self, x, number=float):
        """The features of an image, in the arithmetic of `number`: a plain evaluation, element by element."""
        exact = number is Fraction
        z = np.array([number(float(v)) for v in np.asarray(x).ravel()], dtype=object if exact else float)
        shape = self.shape
        for kind, matrix, bias, step, fields in self.matrices:
            if kind == "normalize":
                z = z.reshape(shape[0], -1)
                z = np.stack([(row - number(m)) / number(d) for row, m, d in zip(z, matrix, bias)]).ravel()
            elif kind == "zero-padding":
                z = np.concatenate([z, [number(0)] * ((fields["channels"] - shape[0]) * shape[1] * shape[2])])
                shape = (fields["channels"], *shape[1:])
            elif kind == "clone-padding":
                times = fields["channels"] // shape[0]
                z = np.concatenate([z / number(float.fromhex(fields["divisor"]))] * times)
                shape = (fields["channels"], *shape[1:])
            elif kind == "pooling":
                s = fields["window"]
                shape = (shape[0], shape[1] // s, shape[2] // s)
                z = (z.reshape(shape[0], shape[1], s, shape[2], s).sum((2, 4)) / s).ravel()
            elif kind in ("max-pooling", "pixel-unshuffle"):
                s = fields["window"]
                windows = z.reshape(shape[0], shape[1] // s, s, shape[2] // s, s)
                shape = (shape[0], shape[1] // s, shape[2] // s)
                if kind == "max-pooling":
                    z = windows.max((2, 4)).ravel()
                else:
                    z, shape = windows.transpose(0, 2, 4, 1, 3).ravel(), (shape[0] * s * s, *shape[1:])
            elif kind == "flatten":
                shape = (math.prod(shape),)
            elif kind == "first-channels":
                shape = (fields["channels"], *shape[1:])
                z = z[:math.prod(shape)]
            elif kind == "max-min":
                pairs = z.reshape(shape[0] // 2, 2, -1)
                z = np.stack([pairs.max(1), pairs.min(1)], 1).ravel()
            elif matrix is not None:
                if exact:
                    matrix = np.vectorize(Fraction, otypes=[object])(matrix)
                    bias = np.vectorize(Fraction, otypes=[object])(bias)
                if kind.startswith("affine"):
                    z, shape = matrix.dot(z) + bias, (len(self.tensors[fields["name"] + "/bias"]), *shape[1:])
                    continue
                if kind == "skew-convolution":
                    term = z
                    for i in range(1, fields["terms"] + 1):
                        term = matrix.dot(term) / number(i)
                        z = z + term
                    z = z + bias
                    continue
                hidden = matrix.dot(z) + bias
                z = z - number(step) * matrix.T.dot(np.maximum(hidden, number(0)))
        return z

    def head(self, kind, random, classes):
        d = self.current[0]
        if kind == "normalized-head":
            weight = random.standard_normal((classes, d)).astype(np.float32)
            bias = (0.1 * random.standard_normal(classes)).astype(np.float32)
            self.set_head(weight, bias)
        elif kind == "mean-head":
            factor = math.sqrt(d / classes)
            self.add(kind, None, classes=classes, factor=hexadecimal(factor))
            rows = np.kron(np.eye(classes), np.full(d // classes, factor / (d // classes)))
            self.rows, self.bias = np.pad(rows, ((0, 0), (0, d - rows.shape[1]))), np.zeros(classes)
            self.constant = np.full((classes, classes), math.sqrt(2) * factor / math.sqrt(d // classes))
        else:
            self.add(kind, None, classes=classes)
            self.rows, self.bias, self.constant = np.eye(classes, d), np.zeros(classes), np.full((classes, classes), 2**0.5)
            self.largest = d // classes if kind == "maximum-head" else 0

    def set_head(self, weight, bias):
        self.add("normalized-head", None, tensors=[("weight", weight), ("bias", bias)])
        weight = np.asarray(weight, dtype=np.float32).astype(float)
        self.rows = weight / np.linalg.norm(weight, axis=1, keepdims=True)
        self.bias = np.asarray(bias, dtype=np.float32).astype(float)
        self.constant = np.linalg.norm(self.rows[:, None] - self.rows[None], axis=2)

    largest = 0

    def logits(self, x):
        z = self.features(x)
        if self.largest:
            return z[:self.largest * len(self.rows)].reshape(len(self.rows), -1).max(1)
        return self.rows @ z + self.bias

    def claim(self, x):
        """The class of an image and a radius within which it cannot change, a little short."""
        z = self.logits(x)
        c = int(np.argmax(z))
        others = [j for j in range(len(z)) if j != c]
        radius = min((z[c] - z[j] - 1e-9) / (self.lipschitz * self.constant[c, j]) for j in others)
        return c, max(0.0, radius * (1 - 2.0**-22))

    def bundle(self, images, claims):
        entries = [{"index": 3 * i + 1, "class": c, "radius": hexadecimal(r)} for i, (c, r) in enumerate(claims)]
        document = {"format": "cpl-claims", "version": 1,
                    "image": dict(zip(("channels", "height", "width"), self.shape)), "layers": self.layers,
                    "lipschitz": hexadecimal(self.lipschitz), "images": entries}
        return Files(document, dict(self.tensors), np.asarray(images, dtype="<f4"))


def select(network, random):
    """A layer that chooses or reorders."""
    channels, height, width = network.current if len(network.current) == 3 else (*network.current, 1, 1)
    kind = str(random.choice(["max-min", "max-pooling", "pixel-unshuffle", "first-channels"]))
    if kind == "max-min" and channels % 2 == 0:
        network.add(kind)
    elif kind == "first-channels" and channels > 2:
        network.add(kind, output=(channels - 1, *network.current[1:]), channels=channels - 1)
    elif kind in ("max-pooling", "pixel-unshuffle") and height % 2 == width % 2 == 0:
        more = 4 if kind == "pixel-unshuffle" else 1
        network.add(kind, output=(more * channels, height // 2, width // 2), window=2)


def random_affine_network(random):
    """Almost orthogonal and skew convolutions and dense layers, between layers that choose and reorder."""
    shape = (int(random.integers(1, 3)), 2 * int(random.integers(1, 4)), 2 * int(random.integers(1, 4)))
    network = Network(shape)
    network.normalize(random.uniform(0.3, 0.7, shape[0]), random.uniform(0.5, 1.2, shape[0]))
    for _ in range(random.integers(1, 4)):
        side, inputs = int(random.choice([1, 3])), network.current[0]
        if random.random() < 0.4:
            kernel = random.standard_normal((inputs, inputs, side, side)).astype(np.float32) / np.float32(2 * side)
            kernel = kernel - kernel.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]
            kernel /= max(np.float32(1), np.abs(kernel).sum((1, 2, 3)).max())
            network.affine(kernel, 0.3 * random.standard_normal(inputs), terms=int(random.choice([1, 4, 5, 12])))
        else:
            kernel = random.standard_normal((random.integers(1, 5), inputs, side, side)) / (2 * side)
            network.affine(kernel, 0.3 * random.standard_normal(len(kernel)), str(random.choice(["zero", "circular"])))
        select(network, random)
    network.add("flatten", output=(math.prod(network.current),))
    weights = random.standard_normal((random.integers(2, 9), network.current[0])) / 2
    network.affine(weights, 0.3 * random.standard_normal(len(weights)))
    select(network, random)
    network.head("normalized-head", random, int(random.integers(2, 5)))
    return network


def random_network(random):
    if random.random() < 0.35:
        return random_affine_network(random)
    shape = (int(random.integers(1, 4)), 2 * int(random.integers(1, 4)), 2 * int(random.integers(1, 4)))
    network = Network(shape)
    network.normalize(random.uniform(0.3, 0.7, shape[0]), random.uniform(0.2, 1.2, shape[0]))
    times = int(random.integers(1, 4))
    if random.random() < 0.3:
        divisor = math.sqrt(times)
        lipschitz = math.nextafter(math.sqrt(times) / divisor * (1 + 2.0**-50), math.inf)
        network.add("clone-padding", lipschitz, output=(times * shape[0], *shape[1:]), channels=times * shape[0],
                    divisor=hexadecimal(divisor))
    else:
        network.add("zero-padding", output=(times + shape[0], *shape[1:]), channels=times + shape[0])
    for _ in range(random.integers(1, 3)):
        side = int(random.choice([1, 3, 5]))
        kernel = random.standard_normal((random.integers(1, 5), network.current[0], side, side)) / side
        network.potential(kernel, 0.3 * random.standard_normal(len(kernel)), factor=float(random.choice([1, 1, 0.5, 1.1])))
    if random.random() < 0.5:
        network.add("pooling", output=(network.current[0], network.current[1] // 2, network.current[2] // 2), window=2)
    network.add("flatten", output=(math.prod(network.current),))
    for _ in range(random.integers(1, 3)):
        weights = random.standard_normal((random.integers(1, 9), network.current[0])) / 2
        network.potential(weights, 0.3 * random.standard_normal(len(weights)), factor=float(random.choice([1, 1, 0.5, 1.1])))
    kinds = ["normalized-head"] * 3 + ["first-features-head", "maximum-head", "mean-head"]
    classes = int(random.integers(2, min(6, network.current[0]) + 1)) if network.current[0] > 2 else 2
    network.head(str(random.choice(kinds)), random, classes)
    return network


def honest_bundle(random, count=3):
    network = random_network(random)
    images = random.random((count, *network.shape), dtype=np.float32)
    return network.bundle(images, [network.claim(x) for x in images])


class Files:
    """A bundle's files, made when they are asked for; `remake` says whether digests follow changes."""

    def __init__(self, claims, tensors, images):
        self.claims, self.tensors, self.images = claims, tensors, images
        self.dtype, self.edits = "F32", {}
        self.statement = None

    def safetensors(self):
        header, body = {}, b""
        for name, value in self.tensors.items():
            data = value.tobytes()
            header[name] = {"dtype": self.dtype, "shape": list(value.shape),
                            "data_offsets": [len(body), len(body) + len(data)]}
            body += data
        text = json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + body

    def contents(self):
        stream = io.BytesIO()
        np.save(stream, self.images)
        files = {"weights.safetensors": self.safetensors(), "images.npy": stream.getvalue(),
                 "claims.json": json.dumps(self.claims).encode()}
        return {name: self.edits.get(name, lambda data: data)(data) for name, data in files.items()}

    def sign(self):
        """Makes the statement of the files as they are now."""
        def resource(name, data):
            return {"name": name, "digest": {"sha256": hashlib.sha256(data).hexdigest()}}

        files = self.contents()
        self.statement = {"_type": "https://in-toto.io/Statement/v1",
                          "predicateType": "urn:cpl-verify:real-certificate:1",
                          "subject": [resource(n, files[n]) for n in ("weights.safetensors", "images.npy")],
                          "predicate": {"claims": resource("claims.json", files["claims.json"])}}

    def write(self, folder):
        for name, data in self.contents().items():
            (folder / name).write_bytes(data)
        (folder / "statement.json").write_text(json.dumps(self.statement))
