# SPDX-License-Identifier: Apache-2.0

"""cpl-check BUNDLE: says whether every claim of a bundle holds."""

import argparse
import os
import sys
import traceback

from . import __version__
from .arithmetic import Refused
from .bundle import Bundle
from .verdict import WORDS, check, overall

REFUSED, FAULT = 65, 70


def show(text, stream):
    """Prints one line, whatever the text: what a bundle says can neither break the output nor pass for a verdict."""
    print(text.encode("unicode_escape").decode("ascii"), file=stream, flush=True)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="cpl-check", description="Says whether every claim of a bundle holds, by means of its own.",
        epilog="Exit codes: 0 every claim holds; 1 a claim is refuted; 2 a claim is not shown; "
               "65 not a bundle that can be checked; 64 usage; 70 a fault of this program.")
    parser.add_argument("bundle", help="the folder with statement.json")
    parser.add_argument("--verbose", action="store_true", help="say what is found while checking, on standard error")
    parser.add_argument("--version", action="version", version=f"cpl-check {__version__}")
    try:
        options = parser.parse_args(arguments)
    except SystemExit as end:
        return 64 if end.code else 0
    try:
        return judge(options.bundle, options.verbose)
    except (Refused, MemoryError) as reason:
        show(f"cpl-check: refused: {str(reason) or 'not enough memory'}", sys.stderr)
        return REFUSED
    except Exception as reason:  # Python's own code for these is 1, which says that a claim is refuted.
        if isinstance(reason, OSError):  # Nobody reads, or the disk is full; Python would try again at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        traceback.print_exc()
        return FAULT


def judge(folder, is_verbose):
    """Checks a bundle, says what was found, and returns the verdict."""
    bundle = Bundle(folder)
    findings = check(bundle, (lambda text: show(text, sys.stderr)) if is_verbose else lambda text: None)
    bad = [str(finding) for finding in findings if finding.verdict]
    gaps = sorted(finding.gap for finding in findings[-len(bundle.claims):])
    for line in [*bad[:20], *[f"and {len(bad) - 20} more"] * (len(bad) > 20),
                 f"{len(findings)} claims, {len(findings) - len(bad)} hold; {len(gaps)} images, whose own radii are longer "
                 f"by {gaps[0]:.2g} to {gaps[-1]:.2g} of the claimed ones, in the median by {gaps[len(gaps) // 2]:.2g}",
                 f"{folder}: {WORDS[overall(findings)]}"]:
        show(line, sys.stdout)
    return overall(findings)


if __name__ == "__main__":
    sys.exit(main())
