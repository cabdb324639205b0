# SPDX-License-Identifier: Apache-2.0

"""Reading a bundle: nothing in it is believed, and nothing that a claim could depend on is passed over."""

import hashlib
import io
import json
import math
import re
import struct
from pathlib import Path

import numpy as np

from .arithmetic import Refused
from .affine import KINDS

PREDICATE = "urn:cpl-verify:real-certificate:1"


class Bundle:
    """A network, images, and what is claimed of them."""

    def __init__(self, folder):
        folder = Path(folder)
        if not folder.is_dir():
            raise Refused(f"{folder}: expected the folder of a bundle, found none")
        statement = read_json("statement.json", read(folder, "statement.json"))
        digests, told = check_statement(statement)
        content = {name: read(folder, name) for name in digests}
        for name, digest in digests.items():
            found = hashlib.sha256(content[name]).hexdigest()
            if found != digest:
                raise Refused(f"{name}: expected SHA-256 {digest}, as the statement says, found {found}")
        tensors = read_tensors(content["weights.safetensors"])
        claims = Fields("claims.json", read_json("claims.json", content["claims.json"]))
        if (claims.text("format"), claims.integer("version")) != ("cpl-claims", 1):
            raise Refused("claims.json: expected format cpl-claims, version 1")
        image = claims.fields("image")
        self.shape = tuple(image.integer(name, 1) for name in ("channels", "height", "width"))
        image.end()
        self.layers, shape = [], self.shape
        for number, fields in enumerate(claims.list("layers")):
            fields = Fields(f"claims.json, layer {number}", fields)
            kind = fields.text("kind")
            if kind not in KINDS:
                raise Refused(f"{fields.place}: expected one of {', '.join(KINDS)}, found {kind[:80]!r}")
            if self.layers and self.layers[-1].is_head or (kind == "normalize") != (number == 0):
                raise Refused(f"{fields.place}: expected 'normalize' first and only there, and the head last")
            layer = KINDS[kind](fields, shape, Tensors(fields, tensors))
            layer.name = fields.name("name")
            layer.claimed_lipschitz = None if layer.is_head else fields.number("lipschitz")
            fields.end()
            self.layers.append(layer)
            shape = layer.output
        if not self.layers or not self.layers[-1].is_head:
            raise Refused("claims.json: expected a head as the last layer")
        if tensors:
            raise Refused(f"weights.safetensors: expected no more tensors, found {', '.join(tensors)}")
        self.lipschitz = claims.number("lipschitz")
        classes, self.claims = self.layers[-1].output[0], []
        for number, fields in enumerate(claims.list("images")):
            fields = Fields(f"claims.json, image {number}", fields)
            claim = (fields.integer("index"), fields.integer("class"), fields.number("radius"))
            fields.end()
            if claim[1] >= classes or math.copysign(1, claim[2]) < 0:
                raise Refused(f"{fields.place}: expected a class below {classes} and a radius of at least 0")
            self.claims.append(claim)
        claims.end()
        if not self.claims or len({index for index, _, _ in self.claims}) != len(self.claims):
            raise Refused("claims.json: expected at least one image, and each index once")
        if told not in (None, len(self.claims)):
            raise Refused(f"statement.json: expected 'data' to say that {len(self.claims)} images are claimed")
        self.images = read_images(content["images.npy"], (len(self.claims), *self.shape))


def check_statement(statement):
    """The SHA-256 of each file that the statement is about, and how many images it says are claimed, if it does."""
    try:
        if (statement["_type"], statement["predicateType"]) != ("https://in-toto.io/Statement/v1", PREDICATE):
            raise Refused(f"statement.json: expected an in-toto Statement v1 with a predicate {PREDICATE}")
        named = [*statement["subject"], statement["predicate"]["claims"]]
        names = [resource["name"] for resource in named]
        digests = dict(zip(names, (resource["digest"]["sha256"] for resource in named)))
        wanted = ("weights.safetensors", "images.npy", "claims.json")
        if len(digests) != len(names) or not all(re.fullmatch("[0-9a-f]{64}", digests[name]) for name in wanted):
            raise Refused("statement.json: expected each name once, with a SHA-256")
        return {name: digests[name] for name in wanted}, statement["predicate"].get("data", {}).get("claimed")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Refused("statement.json: expected name and digest.sha256 of the subjects weights.safetensors and "
                      f"images.npy and, in the predicate, of claims.json: {error!r}") from None


def read(folder, name):
    try:
        if not (folder / name).is_file() and (folder / name).exists():
            raise Refused(f"{folder / name}: expected a file")
        return (folder / name).read_bytes()
    except OSError as error:
        raise Refused(f"{folder / name}: {error.strerror}") from None


def read_json(place, content):
    """JSON without fractions (numbers are exact), constants that are not numbers, and names that come twice."""
    def pairs(found):
        if len(dict(found)) != len(found):
            raise ValueError("a name comes twice")
        return dict(found)

    def refuse(text):
        raise ValueError(f"'{text}', where numbers are integers or hexadecimal text")

    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=pairs, parse_float=refuse,
                          parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{place}: expected JSON, found {error}") from None


class Fields:
    """The fields of a JSON object: each is taken once, and none may be left."""

    def __init__(self, place, fields):
        if not isinstance(fields, dict):
            raise Refused(f"{place}: expected an object")
        self.place, self.rest = place, dict(fields)

    def take(self, name, kind, what):
        value = self.rest.pop(name, None)
        if type(value) is not kind:
            raise Refused(f"{self.place}: expected '{name}' to be {what}, found {str(value)[:80]!r}")
        return value

    def text(self, name):
        return self.take(name, str, "text")

    def name(self, name):
        text = self.text(name)
        if not re.fullmatch("[A-Za-z0-9._/-]{1,200}", text):
            raise Refused(f"{self.place}: expected '{name}' of letters, digits and ._/-, found {text[:80]!r}")
        return text

    def list(self, name):
        return self.take(name, list, "a list")

    def fields(self, name):
        return Fields(f"{self.place}, {name}", self.take(name, dict, "an object"))

    def integer(self, name, least=0):
        value = self.take(name, int, "an integer")
        if not least <= value < 2**31:
            raise Refused(f"{self.place}: expected '{name}' from {least} to {2**31 - 1}, found {value}")
        return value

    def number(self, name):
        return self.exact(name, self.text(name))

    def binary32(self, name):
        return self.as_binary32(name, self.number(name))

    def binary32s(self, name):
        return [self.as_binary32(name, self.exact(name, text)) for text in self.list(name)]

    def exact(self, name, text):
        """A finite binary64 number, written as Python's float.hex writes it."""
        try:
            value = float.fromhex(text)
            if math.isfinite(value) and value.hex() == text:
                return value
        except (TypeError, ValueError, OverflowError):
            pass
        raise Refused(f"{self.place}: expected '{name}' as hexadecimal text such as 0x1.8000000000000p+1, "
                      f"found {str(text)[:80]!r}")

    def as_binary32(self, name, value):
        with np.errstate(all="ignore"):
            if float(np.float32(value)) != value:
                raise Refused(f"{self.place}: expected '{name}' to be a binary32 number, found {value.hex()}")
        return value

    def end(self):
        if self.rest:
            raise Refused(f"{self.place}: expected nothing else, found {', '.join(self.rest)}")


class Tensors:
    """The tensors of a layer: each is taken once, so that none is left unseen and none is used twice."""

    def __init__(self, fields, tensors):
        self.fields, self.tensors = fields, tensors

    def take(self, field, shape):
        """The tensor that `field` names; None in `shape` is any extent."""
        name = self.fields.name(field)
        if name not in self.tensors:
            raise Refused(f"{self.fields.place}: expected a tensor '{name}' that no other layer has")
        tensor = self.tensors.pop(name)
        if len(tensor.shape) != len(shape) or any(
                want not in (None, found) for want, found in zip(shape, tensor.shape)):
            raise Refused(f"weights.safetensors, {name}: expected shape {shape}, found {tensor.shape}")
        if not np.all(np.isfinite(tensor)):
            raise Refused(f"weights.safetensors, {name}: expected finite numbers")
        return tensor


def read_tensors(content):
    """The binary32 tensors of a safetensors file whose header accounts for every byte."""
    place = "weights.safetensors"
    length = struct.unpack("<Q", content[:8])[0] if len(content) >= 8 else -1
    if not 0 <= length <= len(content) - 8:
        raise Refused(f"{place}: expected a header, found {len(content)} bytes without a whole one")
    header = Fields(place, read_json(place, content[8:8 + length]))
    body, tensors, ranges = content[8 + length:], {}, []
    for name in list(header.rest):
        fields = header.fields(name)
        if fields.text("dtype") != "F32":
            raise Refused(f"{fields.place}: expected dtype F32")
        shape, offsets = fields.list("shape"), fields.list("data_offsets")
        fields.end()
        if len(shape) > 4 or 0 in shape or not all(
                type(number) is int and 0 <= number < 2**48 for number in shape + offsets):
            raise Refused(f"{fields.place}: expected one to four extents of at least 1, and integers for offsets")
        data = body[slice(*offsets)] if len(offsets) == 2 else b""
        if len(offsets) != 2 or offsets[1] - offsets[0] != len(data) or len(data) != 4 * math.prod(shape):
            raise Refused(f"{fields.place}: expected four bytes for each of {shape}, found {offsets} of {len(body)}")
        ranges.append(offsets)
        tensors[name] = np.frombuffer(data, "<f4").reshape(shape)
    end = 0
    for first, last in sorted(ranges):
        if first != end:
            raise Refused(f"{place}: expected tensors side by side, found a gap or an overlap at {first}")
        end = last
    if end != len(body):
        raise Refused(f"{place}: expected {end} bytes of tensors, found {len(body)}")
    return tensors


def read_images(content, shape):
    """Binary32 images from an .npy file."""
    place = "images.npy"
    try:
        stream = io.BytesIO(content)
        images = np.lib.format.read_array(stream, allow_pickle=False)
    except Exception as error:  # numpy's reader raises many kinds
        raise Refused(f"{place}: expected an array, found {error!r}") from None
    if images.dtype.str != "<f4" or images.shape != shape or stream.tell() != len(content):
        raise Refused(f"{place}: expected binary32 '<f4' of shape {shape} and no more, found "
                      f"{images.dtype.str} {images.shape}")
    if not np.all(np.isfinite(images)):
        raise Refused(f"{place}: expected finite numbers")
    return images
