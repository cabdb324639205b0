# SPDX-License-Identifier: Apache-2.0

"""A training step and a forward pass of the ConvNet of "1-Lipschitz Layers Compared", with each kind of layers, ours beside PyTorch's.

    swift build -c release --product cpl-benchmark
    python3 Benchmarks/convnets.py --out convnets.json

That both compute the same is a matter of the tests (`fixtures/convnet`); here only time is taken, in turns.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from harness import REPOSITORY, Worker, WorkerError, machine, our_worker, recorded, seconds, spread, table, warn_if_stale

LAYERS = ["cpl", "sll", "aol", "soc", "cayley"]


def experiment(folder: Path, layer: str, width: int, depth: int) -> Path:
    path = folder / f"{layer}.yml"
    path.write_text(f"name: {layer}\nmodel:\n  convnet: {{ layer: {layer}, width: {width}, depth: {depth} }}\ntraining:\n  epochs: 1\n")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", default=",".join(LAYERS), help="kinds of layers (all)")
    parser.add_argument("--batches", default="32,256", help="images a step (32,256)")
    parser.add_argument("--variants", default="eager,channels-last", help="of PyTorch: eager, channels-last, compile")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--depth", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--timeout", type=float, default=900, help="seconds for the first repetition, which compiles")
    parser.add_argument("--worker", type=Path, default=REPOSITORY / ".build/release/cpl-benchmark")
    parser.add_argument("--out", type=Path, help="a JSON file for all samples")
    arguments = parser.parse_args()
    ours, about = our_worker(arguments.worker, arguments.threads)
    ours.close()
    warn_if_stale(about)
    rows, results = [], []
    with tempfile.TemporaryDirectory() as folder:
        for layer in arguments.layers.split(","):
            path = experiment(Path(folder), layer, arguments.width, arguments.depth)
            for batch in map(int, arguments.batches.split(",")):
                for work in ("training", "evaluation"):
                    found = measure(arguments, layer, path, batch, work)
                    results.append({"layer": layer, "batch": batch, "work": work, "seconds": found})
                    theirs = {name: value for name, value in found.items() if name != "ours"}
                    if not theirs:
                        continue
                    best = min(theirs, key=lambda name: theirs[name]["median"])
                    ratio = theirs[best]["median"] / found["ours"]["median"]
                    rows.append([layer, str(batch), work, seconds(found["ours"]["median"]), seconds(theirs[best]["median"]), best, f"{ratio:.2f}"])
                    print(" ".join(rows[-1]), file=sys.stderr)
    print(table(["layers", "images", "work", "ours", "PyTorch's best", "which", "ratio"], rows))
    if arguments.out:
        document = {"machine": machine(), "worker": about, "arguments": recorded(arguments), "results": results}
        arguments.out.write_text(json.dumps(document, indent=1) + "\n")


def measure(arguments, layer: str, path: Path, batch: int, work: str) -> dict:
    """Wall-clock seconds of the contenders, in turns."""
    contenders: dict[str, Worker] = {"ours": our_worker(arguments.worker, arguments.threads)[0]}
    for variant in arguments.variants.split(","):
        command = [sys.executable, str(REPOSITORY / "Benchmarks/pytorch_convnets.py"), "--variant", variant, "--threads", str(arguments.threads)]
        contenders[variant] = Worker(variant, command, arguments.threads)
    samples: dict[str, list[float]] = {}
    for repetition in range(arguments.repetitions + 2):
        for name, worker in list(contenders.items()):
            asked = {"work": work, "batch": batch}
            asked |= (
                {"experiment": str(path), "threads": arguments.threads}
                if name == "ours"
                else {"layer": layer, "width": arguments.width, "depth": arguments.depth}
            )
            try:
                answer = worker.ask(arguments.timeout, **asked)
            except WorkerError as error:
                if name == "ours":
                    sys.exit(str(error))
                print(f"left out: {error}", file=sys.stderr)
                del contenders[name]
                samples.pop(name, None)
                continue
            if repetition > 1:
                samples.setdefault(name, []).append(answer["seconds"])
    for worker in contenders.values():
        worker.close()
    return {name: spread(values) for name, values in samples.items()}


if __name__ == "__main__":
    main()
