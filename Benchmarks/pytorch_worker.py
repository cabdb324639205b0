# SPDX-License-Identifier: Apache-2.0

"""PyTorch's side of compare.py: a worker that reads a command a line (JSON) and answers each with a line (JSON).

    python pytorch_worker.py --variant eager|channels-last|compile|… --threads 2

A variant is a list of words joined by "+": `eager` (nothing), `channels-last` (memory format of weights and images), `compile`
(torch.compile of the model), `fused` (the fused Adam). The model is fixtures/cpl_torch.py without what serves its tests: a layer
records nothing for inspection, and in evaluation σ̂ is computed once, before the clock runs, and then a constant. In evaluation
and PGD the parameters need no gradient, so that PyTorch computes none; except in `pgd-published`, where they do, as they do in the
published code.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from pathlib import Path

import h5py
import numpy as np
import torch
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "fixtures"))
import cpl_torch as cpl  # noqa: E402

EPSILON = 36 / 255
ATTACK_ITERATIONS = 10
LEARNING_RATE = 1e-3


# MARK: the model


def layer_forward(layer: cpl.ConvexPotentialLayer, x):
    """cpl.ConvexPotentialLayer.forward without the record of its intermediate values."""
    matrix = layer.matrix()
    hidden = F.relu(layer.product(x, matrix, layer.bias))
    if layer.training:
        sigma, u, _ = layer.power_method(1)
        layer.pm.u = u
        step = 2 / (sigma.square() + cpl.STEP_EPSILON)
    else:
        step = layer.fixed_step
    return x - step * layer.transposed_product(hidden, matrix)


cpl.ConvexPotentialLayer.forward = layer_forward


def build(sizes: dict, mean, std) -> cpl.NormalizedNetwork:
    """The network of a ModelConfiguration, its parameters not yet set."""
    if (sizes["kernel"], sizes["pooling"]) != (3, 4):
        raise ValueError("the PyTorch side has kernels of 3 and pooling by 4 only")
    network = cpl.CPLNetwork(
        image=(sizes["image_side"],) * 2, channels=sizes["channels"], conv_layers=sizes["convolution_layers"],
        conv_inner=sizes["convolution_inner"], linear_layers=sizes["linear_layers"], linear_inner=sizes["linear_inner"],
        classes=sizes["classes"], head=sizes["head"], padding=sizes["padding"])
    return cpl.NormalizedNetwork(network, mean, std)


@torch.no_grad()
def load(model: cpl.NormalizedNetwork, path: str) -> None:
    """Parameters and power vectors of a cpl-weights file."""
    network = model.model
    with h5py.File(path) as file:
        tensor = lambda name: torch.from_numpy(file[name][...])
        counts = {"convolution": 0, "linear": 0}
        for _, layer in network.power_layers():
            kind = "convolution" if isinstance(layer, cpl.CPLConv) else "linear"
            name = f"{kind}.{counts[kind]}"
            counts[kind] += 1
            layer.matrix().copy_(tensor(f"/parameters/{name}/{'kernel' if kind == 'convolution' else 'weights'}"))
            layer.bias.copy_(tensor(f"/parameters/{name}/bias"))
            layer.pm.u = tensor(f"/buffers/{name}/u").reshape(layer.pm.u.shape)
        head = network.last_last
        if isinstance(head, cpl.LastLayerNormalised):
            head.weight.copy_(tensor("/parameters/last-layer-normalised/weight"))
            head.bias.copy_(tensor("/parameters/last-layer-normalised/bias"))


@torch.no_grad()
def fix_steps(model: cpl.NormalizedNetwork) -> None:
    for _, layer in model.model.power_layers():
        sigma, _, _ = layer.power_method(cpl.EVALUATION_ITERATIONS)
        layer.register_buffer("fixed_step", 2 / (sigma.square() + cpl.STEP_EPSILON), persistent=False)


# MARK: the works


class Work:
    """A network, a batch, and the function that is repeated; `repetition` returns what compare.py compares."""

    training = False
    trains_parameters = False
    """Whether the parameters need gradients, as they do in a model that nobody has told otherwise."""
    dtype = torch.float32

    def __init__(self, command: dict, variant: set[str]):
        self.model = build(command["model"], command["mean"], command["standardDeviation"])
        load(self.model, command["weights"])
        device = torch.device(command.get("device", "cpu"))
        with h5py.File(command["inputs"]) as file:
            self.images = torch.from_numpy(file["/images"][...]).to(device, self.dtype)
            self.labels = torch.from_numpy(file["/labels"][...]).to(device)
        self.model.to(device, self.dtype).train(self.training)
        if not self.training:
            fix_steps(self.model)
            self.model.requires_grad_(self.trains_parameters)
        if "channels-last" in variant:
            self.model.to(memory_format=torch.channels_last)
            self.images = self.images.contiguous(memory_format=torch.channels_last)
        self.forward = torch.compile(self.model) if "compile" in variant else self.model
        self.prepare(variant)

    def prepare(self, variant: set[str]) -> None:
        pass


class Training(Work):
    """Forward pass with one power iteration, margin loss, backward pass, Adam."""

    training = True

    def prepare(self, variant):
        # In the order of our layers; alpha belongs to the published state dictionary alone.
        self.parameters = [p for name, p in self.model.named_parameters() if not name.endswith("alpha")]
        self.adam = torch.optim.Adam(self.parameters, lr=LEARNING_RATE, **({"fused": True} if "fused" in variant else {}))

    def repetition(self):
        self.adam.zero_grad(set_to_none=True)
        loss = cpl.margin_loss(self.forward(self.images), self.labels)
        loss.backward()
        self.adam.step()
        return loss

    def result(self, loss):
        return torch.stack([loss.detach(), *(torch.linalg.vector_norm(p.grad) for p in self.parameters)])


class Evaluation(Work):
    """Logits."""

    @torch.no_grad()
    def repetition(self):
        return self.forward(self.images)

    def result(self, logits):
        return logits


class Evaluation64(Evaluation):
    dtype = torch.float64


class GradientStep(Work):
    """One iteration of PGD from the images themselves, up the cross-entropy by ε/5 and back into the box."""

    def gradient(self, images):
        images = images.detach().requires_grad_()
        loss = F.cross_entropy(self.forward(images), self.labels, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, images)
        return gradient

    @staticmethod
    def moved(images, gradient):
        length = torch.linalg.vector_norm(gradient.flatten(1), dim=1).clamp_min(1e-6)
        return (images + (EPSILON / 5 / length)[:, None, None, None] * gradient).clamp(0, 1)

    def repetition(self):
        return self.moved(self.images, self.gradient(self.images))

    def result(self, images):
        return images.contiguous(memory_format=torch.contiguous_format)


class PublishedGradientStep(GradientStep):
    """The same as the published code does it: advertorch's L2PGDAttack calls `loss.backward()` on a model whose parameters need
    gradients, and these are computed, and added up, too."""

    trains_parameters = True

    def gradient(self, images):
        images = images.detach().requires_grad_()
        F.cross_entropy(self.forward(images), self.labels, reduction="sum").backward()
        return images.grad


class Attack(GradientStep):
    """The paper's PGD: a random start in the ball, 10 iterations, the last iterate counts."""

    def prepare(self, variant):
        self.generator = torch.Generator().manual_seed(0)

    def projected(self, images):
        difference = images - self.images
        length = torch.linalg.vector_norm(difference.flatten(1), dim=1)
        return self.images + difference * (EPSILON / length.clamp_min(EPSILON))[:, None, None, None]

    def repetition(self):
        noise = torch.rand(self.images.shape, generator=self.generator)
        images = self.projected(noise).clamp(0, 1)
        for _ in range(ATTACK_ITERATIONS):
            images = self.projected(self.moved(images, self.gradient(images)))
        with torch.no_grad():
            return (self.forward(images).argmax(1) != self.labels).sum()

    def result(self, broken):
        return broken


class MatrixProduct:
    """The rate of a large square product in binary32, by torch (MKL) or numpy (OpenBLAS)."""

    def __init__(self, command: dict, variant: set[str]):
        self.size = command["size"]
        self.uses_numpy = command["library"] == "numpy"
        rng = np.random.default_rng(0)
        a, b = (rng.standard_normal((self.size, self.size), dtype=np.float32) for _ in range(2))
        c = np.empty_like(a)
        self.operands = (a, b, c) if self.uses_numpy else tuple(map(torch.from_numpy, (a, b, c)))

    def repetition(self):
        a, b, c = self.operands
        np.matmul(a, b, out=c) if self.uses_numpy else torch.mm(a, b, out=c)
        return c

    def result(self, c):
        return torch.as_tensor(c)[0]


WORKS = {"training": Training, "evaluation": Evaluation, "evaluation64": Evaluation64, "pgd": GradientStep,
         "pgd-published": PublishedGradientStep, "attack": Attack, "sgemm": MatrixProduct}


# MARK: the process


def memory(key: str) -> int | None:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(key + ":")), None)


def reset_peak() -> None:
    """Sets the peak back to the resident memory of now, as our worker does."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", default="eager")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    variant = set(arguments.variant.split("+"))
    if unknown := variant - {"eager", "channels-last", "compile", "fused"}:
        parser.error(f"unknown variant {', '.join(unknown)}")
    torch.set_num_threads(arguments.threads)
    # Answers go to the real standard output; whatever else prints goes to standard error.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    subject, work = None, None
    for line in sys.stdin:
        command = json.loads(line)
        try:
            output, resets = command.pop("output", None), command.pop("resetPeak", False)
            if command["work"] == "about":
                reply = {"torch": torch.__version__, "numpy": np.__version__, "threads": torch.get_num_threads(),
                         "capability": torch.backends.cpu.get_cpu_capability(), "blas": blas()}
            else:
                if command != subject:
                    work = None
                    subject, work = command, WORKS[command["work"]](command, variant)
                if resets:
                    reset_peak()
                start, processor = time.perf_counter(), time.process_time()
                result = work.repetition()
                reply = {"seconds": time.perf_counter() - start, "processorSeconds": time.process_time() - processor,
                         "peakBytes": memory("VmHWM"), "residentBytes": memory("VmRSS")}
                if output:
                    work.result(result).detach().to(torch.float32).numpy().tofile(output)
                del result
        except Exception as error:
            traceback.print_exc()
            summary = next((text.strip() for text in str(error).splitlines() if text.strip()), "")
            reply = {"error": f"{type(error).__name__}: {summary}"}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


def blas() -> dict:
    numpy = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {"torch": "MKL" if torch.backends.mkl.is_available() else "other", "numpy": f"{numpy.get('name')} {numpy.get('version')}"}


if __name__ == "__main__":
    main()
