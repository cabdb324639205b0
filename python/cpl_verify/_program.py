# SPDX-License-Identifier: Apache-2.0

"""The program: where it is, and running it."""

# NumPy is imported where it is needed, here and in the other modules: the command starts without it.
from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from typing import Sequence


class Error(RuntimeError):
    """What the program refused, or could not do, in its own words.

    `exit_code` says of what kind it is: 64 an option that it does not know or take, 65 input that is
    not what it should be, 66 input that is missing, 73 output that cannot be created, 74 input or
    output that failed, 130 and 143 an interruption; a negative number is the signal that ended it.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def program() -> str:
    """The path of the program: the one in this package, or what CPL_VERIFY_PROGRAM names.

    :raises FileNotFoundError: where the package was not installed from a wheel and nothing is named.
    """
    named = os.environ.get("CPL_VERIFY_PROGRAM")
    if named:
        return named
    inside = pathlib.Path(__file__).parent / "program" / "bin" / "cpl-verify"
    if not inside.is_file():
        raise FileNotFoundError(
            f"{inside} is missing: install the wheel, or name a program by CPL_VERIFY_PROGRAM")
    return str(inside)


def run(arguments: Sequence[str], progress: bool = False) -> tuple[int, str]:
    """Runs the program to its end.

    :param progress: whether what it writes to standard error is seen.
    :returns: its exit code, 0 to 2, and what it wrote to standard output.
    :raises Error: for any other exit code.
    """
    done = subprocess.run(
        [program(), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=None if progress else subprocess.PIPE, encoding="utf-8", check=False)
    if done.returncode not in (0, 1, 2):
        text = (done.stderr or "").strip()
        # A usage error is followed by how the command is called.
        message = text.split("\nUsage:")[0].strip() if text else "see standard error"
        for prefix in ("cpl-verify: error: ", "Error: "):
            message = message.removeprefix(prefix)
        raise Error(message, done.returncode)
    return done.returncode, done.stdout


def main() -> None:
    """The command `cpl-verify`: becomes the program."""
    path = program()
    os.execv(path, [path, *sys.argv[1:]])
