# SPDX-License-Identifier: Apache-2.0

"""Trains cpl-small on CIFAR-10 with this project's own PyTorch reference (fixtures/cpl_torch.py): the yardstick for time and
for accuracy.

    python Benchmarks/pytorch_cifar10.py --data cifar-10-batches-bin --epochs 10 --threads 2 > run.jsonl

cpl-small: 6 convolutional layers of 30 channels (inner width 5), 3 dense layers of inner width 512, an LLN head, mean-only
normalisation, binary32, batch 256, Adam. Prints one JSON object a line: the configuration, one line an epoch, and a summary.
Fractions are in [0, 1]; seconds are wall-clock; radii are in the unnormalised pixel space.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "fixtures"))
import cpl_torch as cpl  # noqa: E402

MODEL = dict(image=(32, 32), channels=30, conv_layers=6, conv_inner=5, linear_layers=3, linear_inner=512, classes=10)
PEAK_LEARNING_RATE = 1e-3
PADDING = 4
EPSILONS = {"36/255": 36 / 255, "72/255": 72 / 255, "108/255": 108 / 255, "255/255": 1.0}


def read_cifar10(files: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Images N×3×32×32 as bytes, and labels. A record is one label byte and 3072 pixels, channel by channel."""
    records = np.concatenate([np.fromfile(file, np.uint8).reshape(-1, 3073) for file in files])
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].astype(np.int64)


def augmented(images: np.ndarray, chosen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Reflection padding by 4, a random 32×32 crop, then a horizontal flip with probability ½: one gather, no padded copy."""
    size = images.shape[-1]
    reflected = np.pad(np.arange(size), PADDING, mode="reflect")
    rows = reflected[rng.integers(0, 2 * PADDING + 1, len(chosen))[:, None] + np.arange(size)]
    columns = reflected[rng.integers(0, 2 * PADDING + 1, len(chosen))[:, None] + np.arange(size)]
    flip = rng.random(len(chosen)) < 0.5
    columns[flip] = columns[flip, ::-1]
    return images[chosen[:, None, None, None], np.arange(3)[None, :, None, None], rows[:, None, :, None], columns[:, None, None, :]]


def pixels(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images).to(torch.float32).div_(255)


@torch.no_grad()
def evaluate(model: cpl.NormalizedNetwork, images: np.ndarray, labels: np.ndarray, batch: int, quirks: cpl.Quirks) -> dict:
    """Accuracy and the published certificate: correct, and min_j (z_c - z_j)/‖q_c - q_j‖ > L·ε with L = 1 (std is 1)."""
    model.eval()
    correct, radii = [], []
    for start in range(0, len(labels), batch):
        logits = model(pixels(images[start : start + batch]))
        correct.append(logits.argmax(1) == torch.from_numpy(labels[start : start + batch]))
        radii.append(cpl.certified_radius_lln(logits, model.model.last_last, quirks.nan_tie))
    model.train()
    correct, radii = torch.cat(correct), torch.cat(radii)
    certified = {name: (correct & (radii > epsilon)).double().mean().item() for name, epsilon in EPSILONS.items()}
    return {"images": len(labels), "accuracy": correct.double().mean().item(), "certified_accuracy": {"published": certified}}


def emit(**fields) -> None:
    print(json.dumps(fields), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of CIFAR-10 in binary format")
    parser.add_argument("--epochs", type=int, default=200, help="length of the schedule (default 200)")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--profile", choices=("published", "corrected"), default="published",
                        help="sigma-lower-bound and best-on-test have no corrected form here (see cpl_torch.Quirks)")
    parser.add_argument("--limit-steps", type=int, help="stop after so many training steps; the schedule stays that of --epochs")
    parser.add_argument("--limit-test", type=int, help="test on the first so many images (default: all; 512 with --limit-steps)")
    parser.add_argument("--evaluate-last-only", action="store_true",
                        help="test once, at the end (the published pipeline tests every epoch, which changes u)")
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    quirks = cpl.Quirks.published() if arguments.profile == "published" else cpl.Quirks()
    # Under `unseeded-augmentation` the seed covers the weights only; the order of the images is seeded in both profiles.
    order_rng = np.random.default_rng([arguments.seed, 1])
    augment_rng = np.random.default_rng() if quirks.unseeded_augmentation else np.random.default_rng([arguments.seed, 2])

    train_images, train_labels = read_cifar10([arguments.data / f"data_batch_{i}.bin" for i in range(1, 6)])
    test_images, test_labels = read_cifar10([arguments.data / "test_batch.bin"])
    limit = arguments.limit_test or (512 if arguments.limit_steps else None)
    test_images, test_labels = test_images[:limit], test_labels[:limit]

    model = cpl.NormalizedNetwork(cpl.CPLNetwork(**MODEL, quirks=quirks)).train()
    parameters = [p for name, p in model.named_parameters() if not name.endswith("alpha")]
    adam = torch.optim.Adam(parameters, lr=0.0)
    batches = -(-len(train_labels) // arguments.batch)
    emit(event="start", model="cpl-small", **MODEL, parameters=sum(p.numel() for p in parameters), profile=arguments.profile,
         quirks=asdict(quirks), epochs=arguments.epochs, batch=arguments.batch, batches=batches, threads=arguments.threads,
         seed=arguments.seed, limit_steps=arguments.limit_steps, torch=torch.__version__, numpy=np.__version__,
         machine=platform.machine(), cpu_capability=torch.backends.cpu.get_cpu_capability())

    # CPU seconds of the process are reported beside the wall clock: on a shared machine the two part company.
    step, all_seconds, all_cpu = 0, [], []
    for epoch in range(1, arguments.epochs + 1):
        step_seconds, losses, epoch_start = [], [], time.perf_counter()
        order = order_rng.permutation(len(train_labels))
        for start in range(0, len(order), arguments.batch):
            if arguments.limit_steps is not None and step >= arguments.limit_steps:
                break
            begin, cpu_begin = time.perf_counter(), time.process_time()
            step += 1
            chosen = order[start : start + arguments.batch]
            rate = cpl.learning_rate(step, epochs=arguments.epochs, batches=batches, peak=PEAK_LEARNING_RATE,
                                     offset_quirk=quirks.lr_offset)
            for group in adam.param_groups:
                group["lr"] = rate
            images = pixels(augmented(train_images, chosen, augment_rng))
            adam.zero_grad(set_to_none=True)
            loss = cpl.margin_loss(model(images), torch.from_numpy(train_labels[chosen]))
            loss.backward()
            adam.step()
            losses.append(loss.item())
            step_seconds.append(time.perf_counter() - begin)
            all_cpu.append(time.process_time() - cpu_begin)
        epoch_seconds = time.perf_counter() - epoch_start
        all_seconds += step_seconds
        stopped = arguments.limit_steps is not None and step >= arguments.limit_steps
        last = stopped or epoch == arguments.epochs
        fields = dict(event="epoch", epoch=epoch, steps=len(losses), complete=len(losses) == batches, loss=statistics.fmean(losses),
                      learning_rate=rate, seconds_per_step_median=statistics.median(step_seconds), seconds=epoch_seconds)
        if last or not arguments.evaluate_last_only:
            begin = time.perf_counter()
            fields |= evaluate(model, test_images, test_labels, arguments.batch, quirks)
            fields["evaluation_seconds"] = time.perf_counter() - begin
        emit(**fields)
        if stopped:
            break
    median = statistics.median(all_seconds)
    emit(event="summary", steps=step, seconds_per_step_median=median, seconds_per_step_min=min(all_seconds),
         cpu_seconds_per_step_median=statistics.median(all_cpu), seconds_per_epoch=median * batches, **{key: fields[key] for key in ("images", "accuracy", "certified_accuracy")})


if __name__ == "__main__":
    main()
