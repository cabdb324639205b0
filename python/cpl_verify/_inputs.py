# SPDX-License-Identifier: Apache-2.0

"""What the program reads, written from arrays: weights as safetensors, images and labels as .npy."""

from __future__ import annotations

import json
import os
import pathlib
import struct
from typing import TYPE_CHECKING, Any, Mapping, Union

if TYPE_CHECKING:
    import numpy as np

Path = Union[str, "os.PathLike[str]"]

_SAFETENSORS_TYPES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32",
    "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL",
}


def array(value: Any) -> np.ndarray:
    """A NumPy array of anything like one; of a PyTorch tensor on whatever device."""
    import numpy as np

    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":
            value = value.float()  # exact, and NumPy has no such type
        value = value.numpy()
    return np.asarray(value)


def model_file(model: Any, folder: pathlib.Path) -> str:
    """The path of a file of weights: the model itself if it is one, or what is written for it."""
    if isinstance(model, (str, os.PathLike)):
        return os.fspath(model)
    state = model if isinstance(model, Mapping) else getattr(model, "state_dict", None)
    if callable(state):
        state = state()
    if not isinstance(state, Mapping):
        raise TypeError(
            "a model is a PyTorch module, a state dictionary, a dictionary of arrays, or the path of a "
            f"file, not {type(model).__name__}")
    path = folder / "model.safetensors"
    write_safetensors(path, {str(name): array(value) for name, value in state.items()})
    return str(path)


def write_safetensors(path: pathlib.Path, tensors: Mapping[str, np.ndarray]) -> None:
    """Writes arrays as a safetensors file, each number bit by bit."""
    header: dict[str, Any] = {}
    blocks = []
    end = 0
    for name, tensor in tensors.items():
        kind = _SAFETENSORS_TYPES.get(tensor.dtype.name)
        if kind is None:
            raise TypeError(f"'{name}' holds {tensor.dtype}, which safetensors cannot")
        block = tensor.astype(tensor.dtype.newbyteorder("<")).tobytes()
        header[name] = {
            "dtype": kind, "shape": list(tensor.shape), "data_offsets": [end, end + len(block)]}
        blocks.append(block)
        end += len(block)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        file.writelines(blocks)


def data_flags(images: Any, labels: Any, folder: pathlib.Path) -> list[str]:
    """The flags that name the images: a data set by its path, or what is written for arrays."""
    import numpy as np

    if images is None:
        if labels is not None:
            raise TypeError("labels without images")
        return []
    if isinstance(images, (str, os.PathLike)):
        if labels is not None:
            raise TypeError("a data set that is named by its path has its own labels")
        return ["--data", os.fspath(images)]
    if labels is None:
        raise TypeError("images that are given as an array need their labels")
    data = folder / "data"
    data.mkdir()
    np.save(data / "images.npy", np.ascontiguousarray(array(images)), allow_pickle=False)
    np.save(data / "labels.npy", np.ascontiguousarray(array(labels)), allow_pickle=False)
    return ["--data", str(data)]


def option_flags(options: Mapping[str, Any]) -> list[str]:
    """Options by keyword as the command line has them: `budget_passes=9` as `--budget-passes 9`.

    True is a flag, False and None are nothing, a list of texts is an option that is repeated, and a list of
    numbers is one value with commas.
    """
    flags = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if value is None or value is False:
            continue
        if value is True:
            flags.append(flag)
        elif isinstance(value, (str, os.PathLike)) or not hasattr(value, "__iter__"):
            flags += [flag, str(value)]
        else:
            items = list(value)
            if all(isinstance(item, str) for item in items):
                flags += [word for item in items for word in (flag, item)]
            else:
                flags += [flag, ",".join(str(item) for item in items)]
    return flags
