#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0

"""Writes a man page for the program and one for each of its commands.

All that they say comes from the program: from the definitions of its commands and from its topics of help.

    packaging/manpages.py PROGRAM FOLDER DATE
"""

import json
import pathlib
import subprocess
import sys

TOPICS = ["exit-codes", "formats", "certificates"]


def roff(text: str) -> str:
    """The text as roff prints it: nothing in it is a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(
        "\\&" + line if line.startswith((".", "'")) else line for line in text.split("\n"))


def paragraphs(text: str) -> list[str]:
    return [roff(part) for part in text.split("\n\n") if part.strip()]


def option_name(name: dict) -> str:
    return ("-" if name["kind"] != "long" else "--") + name["name"]


def value_of(argument: dict) -> str:
    """What stands for the argument's value; empty for a flag."""
    return "" if argument["kind"] == "flag" else f"<{argument['valueName']}>"


def synopsis(argument: dict) -> str:
    """How the argument stands in a call."""
    value = value_of(argument)
    if argument["kind"] != "positional":
        value = f"{option_name(argument['preferredName'])} {value}".strip()
    if argument["isRepeating"]:
        value += " ..."
    return f"[{value}]" if argument["isOptional"] else value


def entry(argument: dict) -> list[str]:
    """The argument in a list: its names and what it means."""
    value = value_of(argument)
    if argument["kind"] == "positional":
        head = value
    else:
        names = ", ".join(option_name(name) for name in argument["names"])
        head = f"{names} {value}".strip()
    text = argument.get("abstract", "")
    if argument.get("allValues"):
        text += f" One of {', '.join(argument['allValues'])}."
    if "defaultValue" in argument and argument["kind"] != "flag":
        text += f" The default is {argument['defaultValue']}."
    lines = [".TP", f"\\fB{roff(head)}\\fR", roff(text or "")]
    if argument.get("discussion"):
        lines += [".IP", roff(argument["discussion"])]
    return lines


def page(command: dict, version: str, date: str) -> list[str]:
    words = command.get("superCommands", []) + [command["commandName"]]
    name, call = "-".join(words), " ".join(words)
    shown = [a for a in command.get("arguments", []) if a["shouldDisplay"]]
    subcommands = [s for s in command.get("subcommands", []) if s["shouldDisplay"]]
    lines = [
        f'.TH {roff(name.upper())} 1 "{date}" "{version}" "User Commands"',
        ".SH NAME", f"{roff(name)} \\- {roff(command.get('abstract', '').rstrip('.'))}",
        ".SH SYNOPSIS", f"\\fB{roff(call)}\\fR",
        roff(" ".join(map(synopsis, shown)) + (" <command>" if subcommands else "")),
    ]
    if command.get("discussion"):
        lines += [".SH DESCRIPTION", "\n.PP\n".join(paragraphs(command["discussion"]))]
    sections: dict[str, list[dict]] = {}
    for argument in shown:
        title = argument.get("sectionTitle") or (
            "Arguments" if argument["kind"] == "positional" else "Options")
        sections.setdefault(title, []).append(argument)
    for title, arguments in sections.items():
        lines += [f".SH {roff(title.upper())}"]
        for argument in arguments:
            lines += entry(argument)
    if subcommands:
        lines += [".SH COMMANDS"]
        for sub in subcommands:
            lines += [".TP", f"\\fB{roff(sub['commandName'])}\\fR", roff(sub.get("abstract", ""))]
        others = [f"\\fB{roff(name)}\\-{roff(s['commandName'])}\\fR(1)"
                  for s in subcommands if s["commandName"] != "help"]
    else:
        others = [f"\\fB{roff('-'.join(words[:-1]))}\\fR(1)"]
    return lines + ["@topics@"] * bool(subcommands) + [".SH SEE ALSO", ", ".join(others)]


def topics(program: str) -> list[str]:
    lines = []
    for topic in TOPICS:
        text = subprocess.run(
            [program, "help", topic], check=True, capture_output=True, text=True).stdout
        lines += [f".SH {roff(topic.replace('-', ' ').upper())}", ".nf", roff(text.rstrip()), ".fi"]
    return lines


def main() -> None:
    program, folder, date = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    dump = json.loads(subprocess.run(
        [program, "--experimental-dump-help"], check=True, capture_output=True).stdout)
    version = subprocess.run(
        [program, "--version"], check=True, capture_output=True, text=True).stdout.split(" (")[0]
    folder.mkdir(parents=True, exist_ok=True)
    root = dump["command"]
    for command in [root] + [s for s in root["subcommands"] if s["commandName"] != "help"]:
        lines = []
        for line in page(command, version, date):
            lines += topics(program) if line == "@topics@" else [line]
        name = "-".join(command.get("superCommands", []) + [command["commandName"]])
        (folder / f"{name}.1").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
