# SPDX-License-Identifier: Apache-2.0

"""Builds the wheel: the module, and beside it the program and its libraries from the released archive.

`scripts/package` runs it with the unpacked archive in CPL_VERIFY_TREE. The same input makes the same bytes.
"""

import base64
import hashlib
import os
import pathlib
import sys
import time
import tomllib
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
TAG = "py3-none-manylinux_2_31_x86_64"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """Writes the wheel into a folder and returns its name, as PEP 517 has it."""
    if "CPL_VERIFY_TREE" not in os.environ:
        raise SystemExit("the wheel holds the program: scripts/package builds both")
    tree = pathlib.Path(os.environ["CPL_VERIFY_TREE"])
    project = tomllib.loads((HERE / "pyproject.toml").read_text())["project"]
    version = (HERE.parent / "VERSION").read_text().strip()
    information = f"cpl_verify-{version}.dist-info"
    files = {}
    for path in (HERE / "cpl_verify").iterdir():
        if path.is_file():
            files[f"cpl_verify/{path.name}"] = path.read_bytes()
    for folder in ["bin", "lib"]:
        for path in (tree / folder).rglob("*"):
            if path.is_file():
                files[f"cpl_verify/program/{path.relative_to(tree)}"] = path.read_bytes()
    documents = tree / "share/doc/cpl-verify"
    for path in [documents / "LICENSE", *(documents / "licences").rglob("*")]:
        if path.is_file():
            files[f"{information}/licenses/{path.relative_to(documents)}"] = path.read_bytes()
    files[f"{information}/sboms/sbom.spdx.json"] = (documents / "sbom.spdx.json").read_bytes()
    files[f"{information}/METADATA"] = metadata(project, version).encode()
    files[f"{information}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: cpl-verify\nRoot-Is-Purelib: false\nTag: {TAG}\n").encode()
    files[f"{information}/entry_points.txt"] = (
        "[console_scripts]\n"
        + "".join(f"{name} = {place}\n" for name, place in project["scripts"].items())).encode()
    name = f"cpl_verify-{version}-{TAG}.whl"
    write(pathlib.Path(wheel_directory) / name, files, f"{information}/RECORD")
    return name


def metadata(project, version):
    """The core metadata, version 2.4."""
    lines = [
        "Metadata-Version: 2.4", f"Name: {project['name']}", f"Version: {version}",
        f"Summary: {project['description']}", f"License-Expression: {project['license']}",
        "License-File: LICENSE", f"Requires-Python: {project['requires-python']}",
    ]
    lines += [f"Classifier: {text}" for text in project["classifiers"]]
    lines += [f"Requires-Dist: {text}" for text in project["dependencies"]]
    for extra, needs in project["optional-dependencies"].items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f'Requires-Dist: {text}; extra == "{extra}"' for text in needs]
    lines += ["Description-Content-Type: text/markdown", ""]
    return "\n".join(lines) + "\n" + (HERE / project["readme"]).read_text()


def write(path, files, record):
    """A zip archive in which order, times and permissions follow from the content."""
    moment = time.gmtime(max(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), 315532800))[:6]

    def digest(content):
        text = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        return f"sha256={text},{len(content)}"

    rows = [f"{name},{digest(files[name])}" for name in sorted(files)] + [f"{record},,"]
    files = {**files, record: ("\n".join(rows) + "\n").encode()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, moment)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if "/program/bin/" in name else 0o100644) << 16
            archive.writestr(entry, files[name])


if __name__ == "__main__":
    print(build_wheel(sys.argv[1]))
