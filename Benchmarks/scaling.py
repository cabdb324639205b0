# SPDX-License-Identifier: Apache-2.0

"""How our time grows with layers, images, batch and threads.

    swift build -c release --product cpl-benchmark
    python3 Benchmarks/scaling.py --model cpl-s --out Benchmarks/scaling.json --figure Benchmarks/scaling.svg

Ours only; builds nothing. The points of a sweep are measured round-robin, each in a process of its own. For layers and images a line
a + b·x is fitted to the medians; R² says how well it holds, and the exponent p of time ~ x^p between the two largest points whether
the growth there is more than linear (p > 1).
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

import figure
from harness import KERNEL_LEVELS, REPOSITORY, WorkerError, experiment_path, load_average, machine, our_worker, recorded, seconds, spread, table, timing, warn_if_stale

UNITS = {"depth": "convolutional layers", "images": "images", "batch": "images a batch", "threads": "threads"}
FITTED = {"depth", "images"}


def fit(xs: list[float], ys: list[float]) -> dict:
    """Least squares of y = a + b·x, R², and the exponent between the last two points."""
    count, mean_x, mean_y = len(xs), sum(xs) / len(xs), sum(ys) / len(ys)
    variance = sum((x - mean_x) ** 2 for x in xs)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys)) / variance
    intercept = mean_y - slope * mean_x
    total = sum((y - mean_y) ** 2 for y in ys)
    residual = sum((y - intercept - slope * x) ** 2 for x, y in zip(xs, ys))
    return {"intercept": intercept, "slope": slope, "r_squared": 1 - residual / total if total else 1.0, "points": count,
            "exponent": math.log(ys[-1] / ys[-2]) / math.log(xs[-1] / xs[-2])}


def measure(arguments: argparse.Namespace, work: str, sweep: str, threads: int, points: list[int]) -> dict:
    """One sweep of one work. Workers live side by side; an idle one holds its network and its images only."""
    workers, samples, replies = {}, {point: [] for point in points}, {}
    try:
        for round_number in range(-1, arguments.repetitions):
            for point in points:
                command = dict(work=work, experiment=str(arguments.experiment), batch=arguments.batch, threads=threads, seed=0)
                command |= {"depth": {"convolutionLayers": point}, "images": {"images": point}, "batch": {"batch": point, "images": arguments.sweep_images},
                            "threads": {"threads": point}}[sweep]
                if point not in workers:
                    workers[point], _ = our_worker(arguments.worker, threads, arguments.kernel_level)
                if sys.stderr.isatty():
                    print(f"\r\033[K{work}, {sweep} {point}, {threads} threads, round {round_number + 1}", end="", file=sys.stderr, flush=True)
                replies[point] = workers[point].ask(arguments.timeout, **command, resetPeak=round_number == 0)
                if round_number >= 0:
                    samples[point].append(replies[point]["seconds"])
    finally:
        for worker in workers.values():
            worker.close()
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr)
    rows = [{sweep: point, "seconds": spread(samples[point]), "multiply_adds": replies[point]["multiplyAdds"],
             "flop_per_second": 2 * replies[point]["multiplyAdds"] / spread(samples[point])["median"],
             "peak_bytes": replies[point].get("peakBytes")} for point in points]
    result = {"work": work, "sweep": sweep, "threads": None if sweep == "threads" else threads, "points": rows}
    if sweep in FITTED and len(points) > 1:
        result["fit"] = fit([float(point) for point in points], [row["seconds"]["median"] for row in rows])
    return result


def markdown(result: dict) -> str:
    sweep = result["sweep"]
    rows = [[str(row[sweep]), timing(row["seconds"]), f"{row['flop_per_second'] / 1e9:.1f}",
             f"{row['peak_bytes'] / 2**20:.0f} MiB" if row["peak_bytes"] else "–"] for row in result["points"]]
    title = f"{result['work']}, by {UNITS[sweep]}" + (f", threads: {result['threads']}" if result["threads"] else "")
    text = f"{title}\n\n{table([UNITS[sweep], 'time: median (min – max)', 'GFLOP/s', 'peak memory'], rows)}"
    if "fit" in result:
        line = result["fit"]
        text += (f"\n\n{seconds(abs(line['intercept'])) if line['intercept'] >= 0 else '−' + seconds(-line['intercept'])} + {seconds(line['slope'])} · "
                 f"{UNITS[sweep]}, R² = {line['r_squared']:.5f}; exponent at the end {line['exponent']:.3f}")
    return text


def panel(results: list[dict], sweep: str, experiment: Path) -> figure.Panel | None:
    chosen = [result for result in results if result["sweep"] == sweep]
    if not chosen:
        return None
    panel = figure.Panel(f"{experiment.stem}: time by {UNITS[sweep]}", UNITS[sweep], "seconds", logarithmic=sweep == "images")
    for index, result in enumerate(chosen):
        rows = result["points"]
        panel.series.append((f"{result['work']}, threads: {result['threads']}", [float(row[sweep]) for row in rows],
                             *([row["seconds"][key] for row in rows] for key in ("median", "min", "max"))))
        if "fit" in result:
            panel.lines.append((index, result["fit"]["intercept"], result["fit"]["slope"]))
    return panel


def main() -> None:
    integers = lambda text: sorted({int(number) for number in text.split(",")})
    names = lambda text: [name.strip() for name in text.split(",") if name.strip()]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="cpl-s", help="a name in experiments/, or a path (default cpl-s)")
    parser.add_argument("--works", type=names, default=names("training,evaluation"), help="of training, evaluation, pgd, evaluation64, attack")
    parser.add_argument("--sweeps", type=names, default=names("depth,images,batch,threads"))
    parser.add_argument("--depths", type=integers, default=integers("5,10,20,40"))
    parser.add_argument("--images", type=integers, default=integers("64,128,256,512,1024,2048,4096"))
    parser.add_argument("--batches", type=integers, default=integers("16,32,64,128,256,512"))
    parser.add_argument("--threads", type=integers, default=integers("1,2"), help="depth and images are swept for each")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--sweep-images", type=int, default=512, help="images a repetition in the sweep over batches")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--kernel-level", choices=sorted(KERNEL_LEVELS))
    parser.add_argument("--timeout", type=float, default=900, help="seconds for a repetition with its set-up")
    parser.add_argument("--worker", type=Path, default=REPOSITORY / ".build/release/cpl-benchmark")
    parser.add_argument("--out", type=Path, help="write everything measured to this JSON file")
    parser.add_argument("--figure", type=Path, help="write a figure to this SVG file")
    arguments = parser.parse_args()
    if unknown := set(arguments.sweeps) - set(UNITS):
        parser.error(f"unknown sweep {', '.join(sorted(unknown))}")
    if unknown := set(arguments.works) - {"training", "evaluation", "pgd", "evaluation64", "attack"}:
        parser.error(f"unknown work {', '.join(sorted(unknown))}")
    arguments.experiment = experiment_path(arguments.model)

    points = {"depth": arguments.depths, "images": arguments.images, "batch": arguments.batches, "threads": arguments.threads}
    most = max(arguments.threads)
    probe, about = our_worker(arguments.worker, most, arguments.kernel_level)
    probe.close()
    warn_if_stale(about)
    report = {"format": "cpl-benchmark-scaling", "version": 1, "machine": machine(), "worker": about,
              "arguments": recorded(arguments), "results": []}
    print(f"{arguments.experiment.stem}, {arguments.repetitions} repetitions; {report['machine']['cpu']}; kernels for {about.get('kernelLevel')}; "
          f"commit {report['machine']['commit'][:9]}")
    try:
        for sweep in arguments.sweeps:
            for work in arguments.works:
                for threads in arguments.threads if sweep in FITTED else [most]:
                    result = measure(arguments, work, sweep, threads, points[sweep])
                    report["results"].append(result)
                    print("\n" + markdown(result), flush=True)
    except WorkerError as error:
        sys.exit(f"scaling.py: {error}")
    report["load_average_after"] = load_average()
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=1) + "\n")
    panels = [panel(report["results"], sweep, arguments.experiment) for sweep in ("depth", "images")]
    if arguments.figure and any(panels):
        figure.write(arguments.figure, [panel for panel in panels if panel])


if __name__ == "__main__":
    main()
