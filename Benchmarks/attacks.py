# SPDX-License-Identifier: Apache-2.0

"""Our attacks beside those of torchattacks and foolbox, on the same network and the same images.

    swift build -c release --product cpl-verify
    python3 Benchmarks/attacks.py run/last.h5 --data cifar-10-batches-bin --keep attacks --out attacks.json

Builds nothing. Two questions: how much accuracy is left under AutoAttack at one radius, and how far away is the nearest adversarial
image? Each contender runs once, and what it found is kept in a file of its own in the folder of --keep; a
contender whose file is there is not run again, so a run can be stopped, and divided by --contenders.

Both sides see the steps h that are stored with the weights (profile `published`). Whatever is returned is judged again: the class by
the PyTorch network, the distance in binary64, the ball and the box. Images are attacked when they are classified correctly.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable

import h5py
import numpy as np
import torch

from harness import REPOSITORY, machine, table
from pytorch_worker import build, load

CLASSES = 10
BATCH = 50
ROUNDING_OF_LOGITS = 1e-4
"""How far apart the logits of two implementations in binary32 may be: our nearest images lie within rounding of the boundary."""
BALL_SLACK = 1e-6
"""Relative; torchattacks projects in binary32 and ends outside its ball by up to 4e-7."""


# MARK: the network and the images


def read_network(path: str) -> torch.nn.Module:
    """The network of a cpl-weights file with the steps that are stored in it."""
    with h5py.File(path) as file:
        layers = json.loads(file.attrs["model"])
    layers = [(kind, value) for layer in layers for kind, value in layer.items()]
    of = lambda kind: [value for name, value in layers if name == kind]
    normalize, (padding,), convolutions, linears = of("normalize")[0], of("padding"), of("convolution"), of("linear")
    if not of("lastLayerNormalised"):
        raise SystemExit(f"{path}: the comparison wants a normalised last layer")
    sizes = dict(image_side=padding["side"], channels=padding["channels"], convolution_layers=len(convolutions),
                 convolution_inner=convolutions[0]["inner"], linear_layers=len(linears), linear_inner=linears[0]["inner"],
                 classes=of("lastLayerNormalised")[0]["classes"], head="lln", padding=padding["_0"],
                 kernel=convolutions[0]["kernel"], pooling=of("normPool")[0]["window"])
    network = build(sizes, normalize["mean"], normalize["standardDeviation"])
    load(network, path)
    for (_, layer), stored in zip(network.model.power_layers(), convolutions + linears):
        if not stored["step"]["value"] > 0:
            raise SystemExit(f"{path}: no steps are stored; evaluate the network once after training")
        layer.register_buffer("fixed_step", torch.tensor(stored["step"]["value"]), persistent=False)
    return network.eval().requires_grad_(False)


def read_images(folder: str, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    records = np.fromfile(Path(folder) / "test_batch.bin", np.uint8).reshape(-1, 3073)[:count]
    return (torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32) / np.float32(255)),
            torch.from_numpy(records[:, 0].astype(np.int64)))


# MARK: the contenders


@dataclass
class Task:
    network: torch.nn.Module
    images: torch.Tensor
    labels: torch.Tensor
    epsilon: float
    keep: Path
    positions: torch.Tensor
    """Which of the test images these are."""

    def kept(self, name: str) -> Path:
        return self.keep / f"{name}.npz"

    def selecting(self, rows: torch.Tensor) -> Task:
        return replace(self, images=self.images[rows], labels=self.labels[rows], positions=self.positions[rows])

    @torch.no_grad()
    def batches(self) -> list[Task]:
        """The images that are classified correctly, a few at a time: as many as are fastest in PyTorch here."""
        correct = torch.nonzero(self.network(self.images).argmax(1) == self.labels).flatten()
        return [self.selecting(rows) for rows in correct.split(BATCH)]


def torchattacks_autoattack(task: Task, iterations: int | None) -> torch.Tensor:
    """AutoAttack "standard". As published it has 100 iterations; torchattacks leaves its attacks at their default, 10."""
    import torchattacks

    attack = torchattacks.AutoAttack(task.network, norm="L2", eps=task.epsilon, n_classes=CLASSES, seed=0)
    if iterations is not None:
        for part in attack._autoattack.attacks:
            if hasattr(part, "steps"):
                part.steps = iterations
    return attack(task.images, task.labels)


def torchattacks_fab(task: Task) -> torch.Tensor:
    """FAB, untargeted, 100 iterations, at any distance."""
    import torchattacks

    return torchattacks.FAB(task.network, norm="L2", eps=1e6, steps=100, n_classes=CLASSES, seed=0)(task.images, task.labels)


def torchattacks_deepfool(task: Task) -> torch.Tensor:
    import torchattacks

    return torchattacks.DeepFool(task.network, steps=50, overshoot=0.02)(task.images, task.labels)


def foolbox_ddn(task: Task) -> torch.Tensor:
    import foolbox

    model = foolbox.PyTorchModel(task.network, bounds=(0, 1))
    return foolbox.attacks.DDNAttack(steps=300).run(model, task.images, foolbox.criteria.Misclassification(task.labels))


def foolbox_brendel_bethge(task: Task) -> torch.Tensor:
    """Brendel–Bethge, 1000 steps, from the images that DDN found. An image without one stays as it is."""
    import foolbox

    found = torch.from_numpy(np.load(task.kept("foolbox-ddn"))["images"])[task.positions]
    with torch.no_grad():
        started = task.network(found).argmax(1) != task.labels
    if started.any():
        model = foolbox.PyTorchModel(task.network, bounds=(0, 1))
        found[started] = foolbox.attacks.L2BrendelBethgeAttack(steps=1000).run(
            model, task.images[started], foolbox.criteria.Misclassification(task.labels[started]), starting_points=found[started])
    return found


def ours(task: Task, name: str, options: argparse.Namespace) -> torch.Tensor:
    """The images that `cpl-verify attack` keeps; an image for which it found none stays as it is."""
    found = task.images.clone()
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.h5"
        subprocess.run(
            [options.program, "attack", options.weights, "--attack", name, "--epsilon", options.epsilon, "--data", options.data,
             "--limit", str(options.images), "--profile", "published", "--threads", str(options.threads), "--out", str(results),
             "--quiet"], check=True, stdout=subprocess.DEVNULL)
        with h5py.File(results) as file:
            group = file[f"/attacks/{name}"]
            rows = np.flatnonzero(np.isfinite(group["distance"][...]))
            found[rows] = torch.from_numpy(group["adversarial_images"][...])
    return found


BUDGET = ("autoattack", "torchattacks-autoattack", "torchattacks-autoattack-100")
MINIMUM_NORM = ("minimum-norm", "fab-t", "foolbox-ddn", "foolbox-brendel-bethge", "torchattacks-fab", "torchattacks-deepfool")
PEERS: dict[str, Callable[[Task], torch.Tensor]] = {
    "torchattacks-deepfool": torchattacks_deepfool,
    "foolbox-ddn": foolbox_ddn,
    "torchattacks-autoattack": lambda task: torchattacks_autoattack(task, None),
    "torchattacks-fab": torchattacks_fab,
    "foolbox-brendel-bethge": foolbox_brendel_bethge,
    "torchattacks-autoattack-100": lambda task: torchattacks_autoattack(task, 100),
}


def run(name: str, task: Task, options: argparse.Namespace) -> None:
    """Runs one contender and keeps what it found."""
    load, wall = os.getloadavg()[0], time.perf_counter()
    if name in PEERS:
        found = task.images.clone()
        for batch in task.batches():
            found[batch.positions] = PEERS[name](batch).detach()
    else:
        found = ours(task, name, options)
    seconds = time.perf_counter() - wall
    partial = task.kept(name).with_suffix(".partial")
    with open(partial, "wb") as file:
        np.savez(file, images=found.numpy(), seconds=seconds, load=load, threads=options.threads)
    partial.rename(task.kept(name))
    print(f"{name}: {seconds:.1f} s", file=sys.stderr, flush=True)


# MARK: the judgement


@torch.no_grad()
def judge(name: str, task: Task) -> dict:
    """For each image the distance at which its class is lost, 0 where it is wrong to begin with, ∞ where nothing was found."""
    kept = np.load(task.kept(name))
    found = torch.from_numpy(kept["images"])
    if found.shape != task.images.shape:
        raise SystemExit(f"{task.kept(name)} holds {len(found)} images, not {len(task.images)}: remove it to run {name} again")
    logits = task.network(found)
    own = logits.gather(1, task.labels[:, None]).squeeze(1)
    other = logits.scatter(1, task.labels[:, None], -torch.inf).amax(1)
    slack = ROUNDING_OF_LOGITS if name not in PEERS else 0.0
    adversarial = own - other <= slack
    clean = task.network(task.images).argmax(1) == task.labels
    difference = found.double() - task.images.double()
    distance = torch.linalg.vector_norm(difference.flatten(1), dim=1)
    in_box = ((found >= 0) & (found <= 1)).flatten(1).all(1)
    distance = torch.where(adversarial & in_box & (distance > 0), distance, torch.inf)
    return {"distance": torch.where(clean, distance, 0.0).numpy(), "clean": clean.numpy(),
            **{key: kept[key].item() for key in ("seconds", "load", "threads")}}


def summary(judged: dict[str, dict], task: Task) -> dict:
    clean = next(iter(judged.values()))["clean"]
    result = {"images": len(clean), "clean_accuracy": float(clean.mean()), "epsilon": task.epsilon, "autoattack": {}, "minimum_norm": {}}
    for name, row in judged.items():
        entry = {key: row[key] for key in ("seconds", "load", "threads")}
        if name in BUDGET:
            entry["robust_accuracy"] = float((row["distance"] > task.epsilon * (1 + BALL_SLACK)).mean())
            result["autoattack"][name] = entry
        else:
            distances = row["distance"][clean]
            entry |= {"found": int(np.isfinite(distances).sum()), "median": float(np.median(distances)),
                      "mean": float(distances.mean()), "distances": [float(d) for d in distances]}
            result["minimum_norm"][name] = entry
    theirs = [np.asarray(entry["distances"]) for name, entry in result["minimum_norm"].items() if name in PEERS]
    if theirs:
        best = np.min(theirs, axis=0)
        result["best_of_theirs"] = {"median": float(np.median(best)), "mean": float(best.mean())}
        for name, entry in result["minimum_norm"].items():
            entry["ratio_of_medians"] = entry["median"] / result["best_of_theirs"]["median"]
            entry["worst_ratio"] = float((np.asarray(entry["distances"]) / best).max())
    return result


def without_infinities(value):
    """The same for JSON, which has no ∞: null stands for it."""
    if isinstance(value, dict):
        return {key: without_infinities(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [without_infinities(entry) for entry in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def show(result: dict) -> None:
    print(f"{result['images']} images, {100 * result['clean_accuracy']:.1f} % classified correctly\n")
    print(table([f"at {result['epsilon']:.6f}", "robust accuracy", "seconds"],
                [[name, f"{100 * entry['robust_accuracy']:.1f} %", f"{entry['seconds']:.1f}"]
                 for name, entry in result["autoattack"].items()]))
    print()
    print(table(["nearest adversarial image", "found", "median", "/ best of theirs", "worst", "seconds"],
                [[name, str(entry["found"]), f"{entry['median']:.5f}", f"{entry.get('ratio_of_medians', float('nan')):.4f}",
                  f"{entry.get('worst_ratio', float('nan')):.4f}", f"{entry['seconds']:.1f}"]
                 for name, entry in result["minimum_norm"].items()]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", help="a weights file of cpl-verify train")
    parser.add_argument("--data", required=True, help="the folder of CIFAR-10's binary version")
    parser.add_argument("--images", type=int, default=200, help="the first so many test images")
    parser.add_argument("--epsilon", default="36/255")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--contenders", help=f"some of {', '.join((*BUDGET, *MINIMUM_NORM))}; default all")
    parser.add_argument("--keep", required=True, help="the folder for what each contender found")
    parser.add_argument("--program", default=str(REPOSITORY / ".build/release/cpl-verify"))
    parser.add_argument("--out", help="where to write the summary (JSON)")
    options = parser.parse_args()
    names = options.contenders.split(",") if options.contenders else [*PEERS, *(n for n in (*BUDGET, *MINIMUM_NORM) if n not in PEERS)]
    if unknown := set(names) - {*BUDGET, *MINIMUM_NORM}:
        parser.error(f"unknown contender {', '.join(sorted(unknown))}")
    torch.set_num_threads(options.threads)
    numerator, _, denominator = options.epsilon.partition("/")
    Path(options.keep).mkdir(parents=True, exist_ok=True)
    task = Task(read_network(options.weights), *read_images(options.data, options.images),
                float(numerator) / float(denominator or 1), Path(options.keep), torch.arange(options.images))
    for name in names:
        if not task.kept(name).exists():
            run(name, task, options)
    judged = {name: judge(name, task) for name in (*BUDGET, *MINIMUM_NORM) if task.kept(name).exists()}
    result = {"weights": options.weights, "machine": machine(), **summary(judged, task)}
    show(result)
    if options.out:
        Path(options.out).write_text(json.dumps(without_infinities(result), indent=1, allow_nan=False) + "\n")


if __name__ == "__main__":
    main()
