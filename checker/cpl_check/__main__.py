"""cpl-check BUNDLE: says whether every claim of a bundle holds."""

import argparse
import sys
import traceback

from . import __version__
from .arithmetic import Refused
from .bundle import Bundle
from .verdict import WORDS, check, overall

REFUSED, FAULT = 65, 70


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
    say = (lambda text: print(text, file=sys.stderr, flush=True)) if options.verbose else lambda text: None
    try:
        bundle = Bundle(options.bundle)
        findings = check(bundle, say)
    except (Refused, MemoryError) as reason:
        print(f"cpl-check: refused: {reason or 'not enough memory'}", file=sys.stderr)
        return REFUSED
    except Exception:  # Python's own code for these is 1, which says that a claim is refuted.
        traceback.print_exc()
        return FAULT
    verdict = overall(findings)
    bad = [finding for finding in findings if finding.verdict]
    for finding in bad[:20]:
        print(finding)
    if len(bad) > 20:
        print(f"and {len(bad) - 20} more")
    images = findings[-len(bundle.claims):]
    gaps = sorted(finding.gap for finding in images)
    print(f"{len(findings)} claims, {len(findings) - len(bad)} hold; {len(images)} images, whose own radii exceed "
          f"the claimed ones by {gaps[0]:.2g} to {gaps[-1]:.2g} of them, {gaps[len(gaps) // 2]:.2g} in the median")
    print(f"{options.bundle}: {WORDS[verdict]}")
    return verdict


if __name__ == "__main__":
    sys.exit(main())
