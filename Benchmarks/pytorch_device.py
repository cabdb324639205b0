#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0

"""PyTorch on a graphics processor, for device-run: seconds of a training step, an evaluation in binary32 and binary64, and an
iteration of PGD, on a batch of random images.

    python3 Benchmarks/pytorch_device.py WEIGHTS [--device cuda] [--batch 256] [--repetitions 30]

WEIGHTS is a cpl-weights file of the paper's CPL-S. The model and the works are pytorch_worker.py's; binary32 is measured without
TF32 and with it, eager, with channels last, and compiled. Prints a line of JSON a measurement: the median, and peak memory.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time

import h5py
import torch

import pytorch_worker as worker

CPL_S = {"image_side": 32, "channels": 45, "convolution_layers": 20, "convolution_inner": 5, "linear_layers": 7,
         "linear_inner": 2048, "classes": 10, "head": "lln", "padding": "zero", "kernel": 3, "pooling": 4}
MEAN = [0.4914, 0.4822, 0.4465]
VARIANTS = ("eager", "channels-last", "compile", "channels-last+compile")


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def measure(work, device: torch.device, repetitions: int) -> dict:
    for _ in range(5):
        work.repetition()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    seconds = []
    for _ in range(repetitions):
        wait(device)
        start = time.perf_counter()
        work.repetition()
        wait(device)
        seconds.append(time.perf_counter() - start)
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
    return {"seconds": statistics.median(seconds), "fastest": min(seconds), "peakBytes": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--repetitions", type=int, default=30)
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print(json.dumps({"torch": torch.__version__, "device": name, "batch": arguments.batch}), flush=True)
    generator = torch.Generator().manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        inputs = os.path.join(folder, "inputs.h5")
        with h5py.File(inputs, "w") as file:
            file["images"] = torch.rand((arguments.batch, 3, 32, 32), generator=generator).numpy()
            file["labels"] = torch.randint(10, (arguments.batch,), generator=generator).numpy()
        command = {"model": CPL_S, "mean": MEAN, "standardDeviation": [1, 1, 1], "weights": arguments.weights,
                   "inputs": inputs, "device": arguments.device}
        for kind in ("training", "evaluation", "pgd", "evaluation64"):
            for variant in VARIANTS:
                for uses_tf32 in (False,) if kind == "evaluation64" else (False, True):
                    torch.backends.cuda.matmul.allow_tf32 = uses_tf32
                    torch.backends.cudnn.allow_tf32 = uses_tf32
                    line = {"work": kind, "variant": variant, "tf32": uses_tf32}
                    try:
                        work = worker.WORKS[kind](command, set(variant.split("+")))
                        line |= measure(work, device, arguments.repetitions)
                    except Exception as error:  # a variant that does not work here is told, and the next one tried
                        line["error"] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
                    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
