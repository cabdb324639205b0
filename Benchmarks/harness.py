# SPDX-License-Identifier: Apache-2.0

"""What the benchmark scripts share: worker processes, statistics, and what is said of the machine."""

from __future__ import annotations

import argparse
import json
import os
import platform
import selectors
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
KERNEL_LEVELS = {"portable": 0, "avx2": 1, "avx512": 2}


class WorkerError(Exception):
    """A worker answered with an error, ended, or took too long."""


class Worker:
    """A process that answers each line of JSON with a line of JSON."""

    def __init__(self, name: str, arguments: list[str], threads: int):
        self.name = name
        environment = os.environ | {
            key: str(threads) for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TORCHINDUCTOR_COMPILE_THREADS")
        }
        self.errors = tempfile.TemporaryFile()
        # A session of its own, so that its helpers (torch.compile has some) end with it.
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
                                        env=environment, cwd=REPOSITORY, start_new_session=True)
        self.pending = b""

    def ask(self, timeout: float, **command) -> dict:
        """The answer to a command. Raises WorkerError; after that the worker is closed."""
        try:
            self.process.stdin.write(json.dumps(command).encode() + b"\n")
            self.process.stdin.flush()
            reply = json.loads(self.read_line(timeout))
        except (OSError, ValueError) as error:
            problem = f"{self.name} ended or spoke nonsense ({error}); its last words: {self.last_words()}"
            self.close()
            raise WorkerError(problem) from None
        except WorkerError:
            self.close()
            raise
        if "error" in reply:
            self.close()
            raise WorkerError(f"{self.name}: {reply['error']}")
        return reply

    def read_line(self, timeout: float) -> bytes:
        deadline = time.monotonic() + timeout
        output = self.process.stdout
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while b"\n" not in self.pending:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise WorkerError(f"{self.name} took longer than {timeout:.0f} s")
                chunk = os.read(output.fileno(), 1 << 16)
                if not chunk:
                    raise OSError("end of its output")
                self.pending += chunk
        line, self.pending = self.pending.split(b"\n", 1)
        return line

    def last_words(self) -> str:
        self.errors.seek(max(0, self.errors.seek(0, os.SEEK_END) - 600))
        return self.errors.read().decode(errors="replace").strip() or "none"

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            try:
                stream.close()
            except OSError:
                pass


def our_worker(path: Path, threads: int, level: str | None = None) -> tuple[Worker, dict]:
    """Our worker, and what it says of itself."""
    if not path.exists():
        sys.exit(f"{path} is not there: build it with\n    swift build -c release --product cpl-benchmark")
    worker = Worker("ours", [str(path)], threads)
    about = worker.ask(60, work="about", **({"kernelLevel": KERNEL_LEVELS[level]} if level else {}))
    return worker, about


def experiment_path(model: str) -> Path:
    """An experiment's file, from its name or its path."""
    for path in (REPOSITORY / "experiments" / f"{model}.yml", Path(model).resolve()):
        if path.is_file():
            return path
    names = ", ".join(sorted(path.stem for path in (REPOSITORY / "experiments").glob("*.yml")))
    sys.exit(f"no experiment '{model}'; there are {names}")


def spread(samples: list[float]) -> dict:
    return {"median": statistics.median(samples), "min": min(samples), "max": max(samples), "samples": samples}


def seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.3g} ms" if value >= 1e-3 else f"{value * 1e6:.3g} µs"


def timing(summary: dict) -> str:
    """Median and spread."""
    return f"{seconds(summary['median'])} ({seconds(summary['min'])} – {seconds(summary['max'])})"


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table, its columns aligned."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    line = lambda cells: "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths)) + " |"
    return "\n".join([line(header), line(["-" * width for width in widths]), *map(line, rows)])


def command_output(*arguments: str) -> str:
    try:
        return subprocess.run(arguments, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def load_average() -> list[float] | None:
    return list(os.getloadavg()) if hasattr(os, "getloadavg") else None


def recorded(arguments: argparse.Namespace) -> dict:
    """The arguments as a report keeps them: without paths, which belong to one machine and say nothing of what was measured."""
    return {key: value for key, value in vars(arguments).items() if not isinstance(value, Path)}


def machine() -> dict:
    """What the numbers depend on, as far as the system tells."""
    def text(path: str) -> str | None:
        try:
            return Path(path).read_text()
        except OSError:
            return None

    def field(source: str | None, key: str) -> str | None:
        values = [line.split(":", 1)[1].strip() for line in (source or "").splitlines() if line.startswith(key)]
        return values[0] if values else None

    processor = text("/proc/cpuinfo")
    flags = (field(processor, "flags") or "").split()
    cache = {path.parent.name: path.read_text().strip() for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size")}
    commit = command_output("git", "rev-parse", "HEAD")
    return {
        "cpu": field(processor, "model name") or platform.processor(), "cores": os.cpu_count(),
        "instruction_sets": [flag for flag in ("avx2", "fma", "avx512f", "asimd") if flag in flags], "caches": cache,
        "memory": field(text("/proc/meminfo"), "MemTotal"), "system": platform.platform(), "python": platform.python_version(),
        "commit": commit + ("-dirty" if command_output("git", "status", "--porcelain") else ""),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "load_average": load_average(),
    }


def warn_if_stale(about: dict) -> None:
    head, built = command_output("git", "rev-parse", "HEAD"), about.get("commit", "").removesuffix("-dirty")
    if head and built != head:
        print(f"note: the worker was built from {built[:9] or 'an unknown commit'}, the working tree is at {head[:9]}", file=sys.stderr)
    load = load_average()
    if load and load[0] > 0.5:
        print(f"note: the machine is busy already (load {load[0]:.1f}); the spread will say how much it matters", file=sys.stderr)
