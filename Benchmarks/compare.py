# SPDX-License-Identifier: Apache-2.0

"""Ours and PyTorch side by side, in one interleaved run.

    swift build -c release --product cpl-benchmark
    python3 Benchmarks/compare.py --model cpl-s --out Benchmarks/cpl-s.json

Builds nothing. For each work a process a contender: our worker, PyTorch's variants, and the machine's sgemm rate. All load the same
network and the same images. Unmeasured repetitions come first; they check that all compute the same function, and without that
there are no numbers. Then the repetitions go round-robin, so that whatever else the machine does hits all alike. README.md says more.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harness import REPOSITORY, KERNEL_LEVELS, Worker, WorkerError, experiment_path, load_average, machine, our_worker, recorded, spread, table, timing, seconds, warn_if_stale

SGEMM = ("sgemm torch", "sgemm numpy")
WORKS = ("training", "evaluation", "pgd", "pgd-published", "evaluation64", "attack", "bounds")
NO_COUNTERPART = {"bounds"}
"""Works that PyTorch does not do."""
OUR_WORK = {"pgd-published": "pgd"}
"""What we do where PyTorch has more than one way."""
STEP_LENGTH = 36 / 255 / 5
"""Of a PGD iteration."""
PAUSE = 0.5
"""Seconds before each repetition. Threads of the contender before go on looking for work when theirs is done (OpenBLAS' for some 30 ms)
and would keep a core from whoever comes next, who is always the same."""


@dataclass
class Contender:
    worker: Worker
    command: dict
    samples: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    peak: int | None = None
    deviation: float | None = None
    multiply_adds: int = 0


# MARK: the same function?


def deviation(work: str, ours: np.ndarray, theirs: np.ndarray, images: int) -> tuple[float, float]:
    """How far two results are apart, and how far they may be, both relative.

    Rounding of a network of 27 layers in binary32 stays near 1e-6 of the largest logit; 1e-4 leaves room for deeper ones. Gradients
    may also see a ReLU, or a term of the loss, on the other side of its kink: one unit of thousands in some images, which 1e-2 covers
    where gradients are summed or averaged over the images.
    """
    if ours.shape != theirs.shape or not np.isfinite(ours).all() or not np.isfinite(theirs).all():
        return float("inf"), 0.0
    if work == "training":  # the loss, then the length of each parameter's gradient
        return float((np.abs(ours - theirs) / np.maximum(np.abs(ours), 1e-6 * np.abs(ours).max())).max()), 1e-2
    if work in ("pgd", "pgd-published"):  # the moved images, to be compared with how far they moved
        return float(np.linalg.norm((ours - theirs).reshape(images, -1), axis=1).mean() / STEP_LENGTH), 1e-2
    if work == "attack":  # how many images were broken, from other random starts
        return float(np.abs(ours - theirs).max()) / images, 0.1
    return float(np.abs(ours - theirs).max() / np.abs(ours).max()), 1e-4


# MARK: the run


class Comparison:
    def __init__(self, arguments: argparse.Namespace, folder: Path):
        self.arguments, self.folder = arguments, folder
        self.experiment = experiment_path(arguments.model)
        self.skipped: dict[str, str] = {}
        worker, self.about = our_worker(arguments.worker, arguments.threads, arguments.kernel_level)
        warn_if_stale(self.about)
        try:
            self.model = worker.ask(arguments.timeout, work="prepare", **self.subject(), weightsOut=str(folder / "weights.h5"),
                                    inputsOut=str(folder / "inputs.h5"))
        finally:
            worker.close()

    def subject(self) -> dict:
        return dict(experiment=str(self.experiment), batch=self.arguments.batch, threads=self.arguments.threads, seed=0)

    def start(self, work: str) -> dict[str, Contender]:
        arguments, weights = self.arguments, str(self.folder / "weights.h5")
        ours, _ = our_worker(arguments.worker, arguments.threads, arguments.kernel_level)
        contenders = {"ours": Contender(ours, dict(work=OUR_WORK.get(work, work), weights=weights, **self.subject()))}
        script = [sys.executable, str(Path(__file__).with_name("pytorch_worker.py")), "--threads", str(arguments.threads)]
        if work not in NO_COUNTERPART:
            shared = {key: self.model[key] for key in ("model", "mean", "standardDeviation")}
            for variant in arguments.variants:
                worker = Worker(f"PyTorch {variant}", [*script, "--variant", variant], arguments.threads)
                contenders[variant] = Contender(worker, dict(work=work, weights=weights, inputs=str(self.folder / "inputs.h5"), **shared))
        for name in SGEMM:
            worker = Worker(name, script, arguments.threads)
            contenders[name] = Contender(worker, dict(work="sgemm", library=name.split()[1], size=arguments.sgemm_size))
        return contenders

    def drop(self, contenders: dict[str, Contender], name: str, work: str, reason: str) -> None:
        contenders.pop(name).worker.close()
        self.skipped[f"{work}, {name}"] = reason
        print(f"skipped: {work}, {name}: {reason}", file=sys.stderr)

    def warm_up(self, work: str, contenders: dict[str, Contender]) -> None:
        """Two repetitions of each, unmeasured: memory is mapped, code compiled, and the first results compared."""
        ours = None
        for name in list(contenders):
            contender, path = contenders[name], self.folder / "result"
            limit = self.arguments.compile_timeout if "compile" in name else self.arguments.timeout
            progress(f"{work}: warming up {name}")
            try:
                contender.worker.ask(limit, **contender.command, output=str(path))
                contender.worker.ask(limit, **contender.command)
            except WorkerError as error:
                if name == "ours":
                    raise
                self.drop(contenders, name, work, str(error))
                continue
            if name in SGEMM:
                continue
            result = np.fromfile(path, np.float32)
            if name == "ours":
                ours = result
                continue
            contender.deviation, tolerance = deviation(work, ours, result, self.arguments.batch)
            if not contender.deviation <= tolerance:
                reason = f"computes something else than ours (relative deviation {contender.deviation:.2g}, allowed {tolerance:g})"
                if name.split("+")[0] == "eager":
                    raise WorkerError(f"{work}: PyTorch {name} {reason}: nothing is measured")
                self.drop(contenders, name, work, reason)

    def measure(self, work: str) -> dict:
        contenders = self.start(work)
        try:
            self.warm_up(work, contenders)
            for round_number in range(self.arguments.repetitions):
                for name in list(contenders):
                    contender = contenders[name]
                    progress(f"{work}: round {round_number + 1} of {self.arguments.repetitions}, {name}")
                    time.sleep(PAUSE)
                    try:
                        reply = contender.worker.ask(self.arguments.timeout, **contender.command, resetPeak=round_number == 0)
                    except WorkerError as error:
                        if name == "ours":
                            raise
                        self.drop(contenders, name, work, str(error))
                        continue
                    contender.samples.append(reply["seconds"])
                    contender.processor.append(reply["processorSeconds"])
                    contender.peak = reply.get("peakBytes")
                    contender.multiply_adds = reply.get("multiplyAdds", 0)
        finally:
            for contender in contenders.values():
                contender.worker.close()
            progress("")
        return self.summary(work, contenders)

    def summary(self, work: str, contenders: dict[str, Contender]) -> dict:
        multiply_adds = contenders["ours"].multiply_adds
        operations = 2 * self.arguments.sgemm_size**3
        rates = {name: operations / statistics.median(contenders[name].samples) for name in SGEMM if name in contenders}
        rate = max(rates.values(), default=None)
        summary = {"work": work, "multiply_adds": multiply_adds, "sgemm": {name: {"flop_per_second": rates[name]} | spread(contenders[name].samples) for name in rates},
                   "sgemm_flop_per_second": rate, "contenders": {}}
        comparable = rate and multiply_adds and work != "evaluation64"
        if comparable:
            summary["seconds_at_sgemm_rate"] = 2 * multiply_adds / rate
        ours = contenders["ours"].samples
        for name, contender in contenders.items():
            if name in SGEMM:
                continue
            entry = {"seconds": spread(contender.samples), "processor_seconds": spread(contender.processor), "peak_bytes": contender.peak,
                     "deviation": contender.deviation}
            median = entry["seconds"]["median"]
            if multiply_adds:
                entry["flop_per_second"] = 2 * multiply_adds / median
            if comparable:
                entry["share_of_sgemm_rate"] = entry["flop_per_second"] / rate
            if name != "ours":
                entry["ratio_to_ours"] = {"of_medians": median / statistics.median(ours)} | spread([theirs / mine for theirs, mine in zip(contender.samples, ours)])
            summary["contenders"][name] = entry
        theirs = [name for name in summary["contenders"] if name != "ours"]
        summary["best"] = min(theirs, key=lambda name: summary["contenders"][name]["seconds"]["median"], default=None)
        return summary


# MARK: output


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def markdown(results: list[dict], variants: list[str]) -> str:
    def ratio(result: dict, name: str | None) -> str:
        entry = result["contenders"].get(name)
        return f"{entry['ratio_to_ours']['of_medians']:.2f}×" if entry else "–"

    times, rates, memory = [], [], []
    for result in results:
        contenders, best = result["contenders"], result["best"]
        cell = lambda name: timing(contenders[name]["seconds"]) if name in contenders else "–"
        times.append([result["work"], cell("ours"), *map(cell, variants), ratio(result, "eager"),
                      f"{ratio(result, best)} ({best})" if best else "–"])
        flops = lambda entry: f"{entry['flop_per_second'] / 1e9:.1f}" if "flop_per_second" in entry else "–"
        shared = lambda name: flops(contenders[name]) if name in contenders else "–"
        bound = result.get("seconds_at_sgemm_rate")
        rates.append([result["work"], f"{result['multiply_adds'] / 1e9:.4g} G" if result["multiply_adds"] else "–",
                      f"{result['sgemm_flop_per_second'] / 1e9:.1f}" if result["sgemm_flop_per_second"] else "–",
                      seconds(bound) if bound else "–", f"{contenders['ours']['seconds']['median'] / bound:.2f}×" if bound else "–",
                      shared("ours"), *map(shared, variants)])
        peak = lambda name: f"{contenders[name]['peak_bytes'] / 2**20:.0f} MiB" if contenders.get(name, {}).get("peak_bytes") else "–"
        memory.append([result["work"], peak("ours"), *map(peak, variants)])
    return "\n\n".join([
        "Time of one repetition: median (min – max)\n\n"
        + table(["work", "ours", *variants, "eager / ours", "best / ours"], times),
        "GFLOP/s (two a multiply-add), against a large square sgemm measured in the same rounds\n\n"
        + table(["work", "multiply-adds", "sgemm", "time at that rate", "ours / that", "ours", *variants], rates),
        "Peak resident memory of the repetitions\n\n" + table(["work", "ours", *variants], memory),
    ])


def main() -> None:
    names = lambda text: [name.strip() for name in text.split(",") if name.strip()]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="cpl-s", help="a name in experiments/, or a path (default cpl-s)")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--works", type=names, default=list(WORKS[:5]),
                        help=f"of {', '.join(WORKS)} (default: the first five)")
    parser.add_argument("--variants", type=names, default=names("eager,channels-last,compile"),
                        help="of PyTorch; words joined by + combine, such as compile+channels-last or eager+fused")
    parser.add_argument("--kernel-level", choices=sorted(KERNEL_LEVELS), help="ours: at most this instruction set")
    parser.add_argument("--sgemm-size", type=int, default=4096)
    parser.add_argument("--timeout", type=float, default=900, help="seconds for a repetition with its set-up (default 900)")
    parser.add_argument("--compile-timeout", type=float, default=900, help="seconds for torch.compile's first repetition (default 900)")
    parser.add_argument("--worker", type=Path, default=REPOSITORY / ".build/release/cpl-benchmark")
    parser.add_argument("--out", type=Path, help="write everything measured to this JSON file")
    arguments = parser.parse_args()
    if unknown := set(arguments.works) - set(WORKS):
        parser.error(f"unknown work {', '.join(sorted(unknown))}")
    if min(arguments.batch, arguments.repetitions, arguments.threads, arguments.sgemm_size) < 1:
        parser.error("sizes and counts are at least 1")

    with tempfile.TemporaryDirectory(prefix="cpl-benchmark-") as folder:
        try:
            probe = Worker("PyTorch", [sys.executable, str(Path(__file__).with_name("pytorch_worker.py")), "--threads", str(arguments.threads)], arguments.threads)
            pytorch = probe.ask(120, work="about")
            probe.close()
            comparison = Comparison(arguments, Path(folder))
            report = {"format": "cpl-benchmark-comparison", "version": 1, "machine": machine(), "pytorch": pytorch,
                      "worker": comparison.about, "model": comparison.model["model"],
                      "arguments": recorded(arguments),
                      "results": [], "skipped": comparison.skipped}
            for work in arguments.works:
                report["results"].append(comparison.measure(work))
                report["load_average_after"] = load_average()
                if arguments.out:  # after each work, so that an interrupted run leaves what it has
                    write(arguments.out, report)
        except WorkerError as error:
            sys.exit(f"compare.py: {error}")

    about, load = report["machine"], report["machine"]["load_average"]
    print(f"{arguments.model}, batch {arguments.batch}, {arguments.threads} threads, {arguments.repetitions} repetitions; {about['cpu']}, "
          f"{about['cores']} cores, kernels for {comparison.about.get('kernelLevel')}; PyTorch {pytorch['torch']} ({pytorch['capability']}); "
          f"commit {about['commit'][:9]}; load {load[0]:.1f} before\n")
    print(markdown(report["results"], arguments.variants))
    for name, reason in comparison.skipped.items():
        print(f"\nSkipped: {name}: {reason}")


def write(path: Path, report: dict) -> None:
    temporary = path.with_name(path.name + ".partial")
    temporary.write_text(json.dumps(report, indent=1) + "\n")
    os.replace(temporary, path)


if __name__ == "__main__":
    main()
