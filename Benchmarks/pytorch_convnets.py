# SPDX-License-Identifier: Apache-2.0

"""PyTorch's side of convnets.py: a worker that reads a command a line (JSON) and answers each with a line (JSON).

    python pytorch_convnets.py --variant eager|channels-last|compile --threads 1

The ConvNet of "1-Lipschitz Layers Compared" (Prach, Brau, Buttazzo, Lampert, CVPR 2024) with layers written as their published code
has them: what is derived from the weights is computed in every training step, and kept for evaluation.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback

import torch
from torch import nn
from torch.nn import functional as F


def dirac(channels: int, kernel: int) -> nn.Parameter:
    return nn.Parameter(nn.init.dirac_(torch.empty(channels, channels, kernel, kernel)) + 0.01 * torch.randn(channels, channels, kernel, kernel))


def normal(channels: int, kernel: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(channels, channels, kernel, kernel) / (channels * kernel * kernel) ** 0.5)


def direction(x):
    return x / (x.norm() + 1e-12)


class Layer(nn.Module):
    """A layer of so many channels, on images of so many rows and columns. `derived` is what it makes of its weights."""

    def __init__(self, weight: nn.Parameter, side: int):
        super().__init__()
        self.weight, self.kernel, self.side = weight, weight.shape[-1], side
        self.padding = self.kernel // 2
        self.bias = nn.Parameter(torch.zeros(weight.shape[0]))
        self.vector = direction(torch.randn(1, weight.shape[0], side, side))
        self.kept = None

    def derived(self):
        if self.training:
            value = self.derive()
            self.kept = value.detach()
            return value
        if self.kept is None:
            with torch.no_grad():
                self.kept = self.derive()
        return self.kept


class AOL(Layer):
    def __init__(self, channels, kernel, side):
        super().__init__(dirac(channels, kernel), side)

    def derive(self):
        transposed = self.weight.transpose(0, 1)
        sums = F.conv2d(transposed, transposed, padding=self.kernel - 1).abs().sum((1, 2, 3))
        return self.weight * torch.rsqrt(sums + 1e-6)[None, :, None, None]

    def forward(self, x):
        x = F.pad(x, [self.padding] * 4, mode="circular") if self.kernel > 1 else x
        return F.conv2d(x, self.derived(), self.bias)


class CPL(Layer):
    def __init__(self, channels, kernel, side):
        super().__init__(normal(channels, kernel), side)

    def derive(self):
        with torch.no_grad():
            v = direction(F.conv2d(self.vector, self.weight, padding=self.padding))
            self.vector = direction(F.conv_transpose2d(v, self.weight, padding=self.padding))
        sigma = (F.conv2d(self.vector, self.weight, padding=self.padding) * v).sum()
        return 2 / (sigma**2 + 1e-4)

    def forward(self, x):
        hidden = F.relu(F.conv2d(x, self.weight, self.bias, padding=self.padding))
        return x - self.derived() * F.conv_transpose2d(hidden, self.weight, padding=self.padding)


class SLL(Layer):
    def __init__(self, channels, kernel, side):
        super().__init__(normal(channels, kernel), side)
        self.q = nn.Parameter(torch.randn(channels))

    def derive(self):
        sums = F.conv2d(self.weight, self.weight, padding=self.kernel - 1).abs().sum((2, 3))
        q = self.q.abs() + 1e-6
        return 2 / ((q[None] * sums / q[:, None]).sum(1) + 1e-6)

    def forward(self, x):
        hidden = F.relu(F.conv2d(x, self.weight, self.bias, padding=self.padding))
        return x - F.conv_transpose2d(self.derived()[None, :, None, None] * hidden, self.weight, padding=self.padding)


class SOC(Layer):
    terms = 12

    def __init__(self, channels, kernel, side):
        super().__init__(normal(channels, kernel), side)

    def derive(self):
        skew = (self.weight - self.weight.transpose(0, 1).flip(2, 3)) / 2
        with torch.no_grad():
            self.vector = direction(F.conv2d(self.vector, skew, padding=self.padding))
        return skew / (F.conv2d(self.vector, skew, padding=self.padding).norm() + 1e-12)

    def forward(self, x):
        skew = self.derived()
        sum = term = x
        for i in range(1, self.terms + 1):
            term = F.conv2d(term, skew, padding=self.padding) / i
            sum = sum + term
        return sum + self.bias[:, None, None]


class Cayley(Layer):
    """Of one real kernel with as many outputs as inputs: the orthogonal matrix of every frequency."""

    def __init__(self, channels, kernel, side):
        super().__init__(normal(channels, kernel), side)
        self.scale = nn.Parameter(torch.tensor(1.0))
        rows, columns = torch.arange(side)[:, None], torch.arange(side // 2 + 1)[None]
        self.shift = torch.exp(2j * torch.pi * self.padding * (rows + columns) / side).reshape(-1, 1, 1).to(torch.complex64)
        with torch.no_grad():
            self.scale.fill_(self.spectrum().norm())

    def spectrum(self):
        if self.kernel == 1:
            return self.weight[:, :, 0, 0]
        spectrum = torch.fft.rfft2(self.weight, (self.side, self.side))
        return self.shift * spectrum.reshape(*self.weight.shape[:2], -1).permute(2, 0, 1).conj()

    def derive(self):
        spectrum = self.spectrum()
        matrix = self.scale * spectrum / spectrum.norm()
        matrix = matrix - matrix.conj().transpose(-1, -2)
        identity = torch.eye(matrix.shape[-1], dtype=matrix.dtype)
        return torch.inverse(identity + matrix) @ (identity - matrix)

    def forward(self, x):
        orthogonal = self.derived()
        if self.kernel == 1:
            return F.conv2d(x, orthogonal[:, :, None, None], self.bias)
        images, channels, side, _ = x.shape
        half = side // 2 + 1
        spectrum = torch.fft.rfft2(x).permute(2, 3, 1, 0).reshape(side * half, channels, images)
        product = (orthogonal @ spectrum).reshape(side, half, channels, images)
        return torch.fft.irfft2(product.permute(3, 2, 0, 1), s=(side, side)) + self.bias[:, None, None]


class MaxMin(nn.Module):
    def forward(self, x):
        first, second = x[:, ::2], x[:, 1::2]
        return torch.stack([torch.maximum(first, second), torch.minimum(first, second)], 2).flatten(1, 2)


class ConvNet(nn.Module):
    def __init__(self, layer, width: int, depth: int):
        super().__init__()
        self.width = width
        channels, side, blocks, modules = width, 32, [], [layer(width, 1, 32), MaxMin()]
        for block in range(5):
            for _ in range(depth):
                modules += [layer(channels, 3 if block < 4 else 1, side), MaxMin()]
            blocks.append(nn.Sequential(*modules))
            modules, channels, side = [], 2 * channels, side // 2
        self.blocks, self.head = nn.ModuleList(blocks), layer(channels, 1, 1)

    def forward(self, x):
        x = F.pad(x - 0.5, (0, 0, 0, 0, 0, self.width - 3))
        for block in self.blocks:
            x = block(x)
            x = F.pixel_unshuffle(x[:, : x.shape[1] // 2], 2)
        return self.head(x).flatten(1)[:, :10]


LAYERS = {"aol": AOL, "cayley": Cayley, "cpl": CPL, "sll": SLL, "soc": SOC}


class Subject:
    """A network, its images, and the work that is repeated."""

    def __init__(self, layer: str, batch: int, width: int, depth: int, variant: str):
        torch.manual_seed(0)
        self.network = ConvNet(LAYERS[layer], width, depth)
        self.images, self.labels = torch.rand(batch, 3, 32, 32), torch.randint(0, 10, (batch, 1))
        if variant == "channels-last":
            self.network = self.network.to(memory_format=torch.channels_last)
            self.images = self.images.contiguous(memory_format=torch.channels_last)
        self.run = torch.compile(self.network) if variant == "compile" else self.network
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-3)

    def training(self):
        self.network.train()
        self.optimizer.zero_grad()
        logits = self.run(self.images)
        others = logits.scatter(1, self.labels, -torch.inf).amax(1)
        F.relu(0.7 - (logits.gather(1, self.labels)[:, 0] - others) / 2**0.5).mean().backward()
        self.optimizer.step()

    def evaluation(self):
        self.network.eval()
        with torch.no_grad():
            self.run(self.images)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", default="eager", choices=["eager", "channels-last", "compile"])
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    key = subject = None
    for line in sys.stdin:
        try:
            command = json.loads(line)
            wanted = [command[name] for name in ("layer", "batch", "width", "depth")]
            if wanted != key:
                key, subject = wanted, Subject(*wanted, arguments.variant)
            work = getattr(subject, command["work"])
            start, processor = time.perf_counter(), time.process_time()
            work()
            answer = {"seconds": time.perf_counter() - start, "processorSeconds": time.process_time() - processor}
        except Exception as error:  # noqa: BLE001: the answer tells whoever asked
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
