# SPDX-License-Identifier: Apache-2.0

"""The commands as functions."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import tempfile
from typing import TYPE_CHECKING, Any, Mapping, Union

from ._inputs import Path, data_flags, model_file, option_flags
from ._program import run
from ._results import Result, load_results

if TYPE_CHECKING:
    import numpy as np
    import torch

    Array = Union[np.ndarray, torch.Tensor]
    Model = Union[Path, torch.nn.Module, Mapping[str, Array]]
    Images = Union[Path, Array]

__all__ = ["audit", "bounds", "certify", "load_results"]


def audit(
    model: Model, images: Images, labels: Array | None = None, *, out: Path | None = None,
    progress: bool = False, **options: Any,
) -> Result:
    """Certifies every image and attacks every certificate: is any broken, and how tight are they?

    :param model: a PyTorch module, its state dictionary, a dictionary of arrays by the published names, or
        the path of a file of weights.
    :param images: N×C×H×W or N×H×W×C, pixels in [0, 1] or bytes, before any normalisation; or the path of a
        data set as `--data` takes it.
    :param labels: the class of each image, from 0 on; of images by their path, None.
    :param out: where the results are kept, for `load_results` and `cpl-verify report`; a file that exists
        is refused, unless `force=True`.
    :param progress: shows the program's progress on standard error.
    :param options: the command's other options by their names, such as `certificate="local"`,
        `mean=[0.49, 0.48, 0.45]`, `budget=60`, `limit=100`, `attack=["autoattack"]`, `threads=4`;
        `cpl-verify audit --help` lists them.
    :returns: the verdict, its figures and, in `table("audit")`, a row for each image.
    :raises Error: for what the program refuses.
    """
    return _judge("audit", model, images, labels, out, progress, options)


def certify(
    model: Model, images: Images, labels: Array | None = None, *, out: Path | None = None,
    progress: bool = False, **options: Any,
) -> Result:
    """Gives each image the radius within which its class is certified.

    Parameters as for `audit`; `cpl-verify certify --help` lists the options, such as
    `certificate="local", radius=True`.

    :returns: radii of each kind in `table("certificates")`, such as the column "radius_sound".
    :raises Error: for what the program refuses.
    """
    return _judge("certify", model, images, labels, out, progress, options)


def bounds(
    model: Model, images: Images, labels: Array | None = None, *, out: Path | None = None,
    progress: bool = False, **options: Any,
) -> Result:
    """Encloses every layer's spectral norm and bounds the network's Lipschitz constant.

    Parameters as for `audit`; at the images a lower bound of the network's constant is looked for.
    `cpl-verify bounds --help` lists the options.

    :returns: a row for each layer in `table("layers")`, the network's bounds in `table("network")`.
    :raises Error: for what the program refuses.
    """
    return _judge("bounds", model, images, labels, out, progress, options)


def _judge(
    command: str, model: Any, images: Any, labels: Any, out: Path | None, progress: bool,
    options: Mapping[str, Any],
) -> Result:
    with tempfile.TemporaryDirectory(prefix="cpl-verify-") as name:
        scratch = pathlib.Path(name)
        results = os.fspath(out) if out is not None else str(scratch / "results.h5")
        arguments = [command, model_file(model, scratch), *data_flags(images, labels, scratch)]
        arguments += [*option_flags(options), "--out", results, "--json"]
        if not progress:
            arguments.append("--quiet")
        _, text = run(arguments, progress)
        return dataclasses.replace(load_results(results), summary=json.loads(text))
