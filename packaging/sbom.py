#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0

"""Writes what a released archive is made of, as an SPDX 2.3 document in JSON.

    packaging/sbom.py VERSION COMMIT SECONDS SWIFT FOLDER > sbom.spdx.json

SECONDS is the time of the commit, SWIFT the compiler's version and FOLDER holds the shared libraries.
`packaging/sbom.py --packages FOLDER` lists Debian's packages that have a part in the archive.
"""

import datetime
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent

# Debian's package of each shared library, and of what is linked statically; the licence as SPDX names it.
SHARED = {
    "libhdf5_serial.so.103": "libhdf5-103-1", "libsz.so.2": "libsz2", "libaec.so.0": "libaec0",
    "libopenblas.so.0": "libopenblas-pthread-dev", "libgfortran.so.5": "libgfortran5",
    "libquadmath.so.0": "libquadmath0", "libcrypto.so.1.1": "libssl1.1", "libz.so.1": "zlib1g",
    "libgcc_s.so.1": "libgcc-s1",
}
STATIC = ["libstdc++-10-dev", "libgcc-10-dev", "libc6-dev"]
GCC = "GPL-3.0-or-later WITH GCC-exception-3.1"
LICENCES = {
    "libhdf5-103-1": "NOASSERTION", "libsz2": "BSD-2-Clause", "libaec0": "BSD-2-Clause",
    "libopenblas-pthread-dev": "BSD-3-Clause", "libgfortran5": GCC, "libquadmath0": "LGPL-2.1-or-later",
    "libssl1.1": "OpenSSL", "zlib1g": "Zlib", "libgcc-s1": GCC, "libstdc++-10-dev": GCC,
    "libgcc-10-dev": GCC, "libc6-dev": "LGPL-2.1-or-later",
}
SWIFT_PACKAGES = {
    "swift-argument-parser": "Apache-2.0 WITH Swift-exception", "Yams": "MIT",
    "swift-mustache": "Apache-2.0",
}


def package(name: str, version: str, licence: str, location: str, **more: object) -> dict:
    identifier = re.sub(r"[^A-Za-z0-9.-]", "-", name)
    return {
        "SPDXID": f"SPDXRef-{identifier}", "name": name, "versionInfo": version,
        "licenseDeclared": licence, "licenseConcluded": "NOASSERTION", "copyrightText": "NOASSERTION",
        "downloadLocation": location, "filesAnalyzed": False, **more,
    }


def reference(locator: str) -> list[dict]:
    return [{
        "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
        "referenceLocator": locator,
    }]


def names(folder: str) -> list[str]:
    return sorted(path.name for path in pathlib.Path(folder).iterdir())


def debian_packages(libraries: list[str]) -> list[tuple[dict, str]]:
    """The packages of Debian that have a part in the archive, and how they are linked."""
    pinned = {}
    for line in (HERE / "debian.sha256").read_text().splitlines():
        digest, path = line.split()
        name, version, architecture = path.rsplit("/", 1)[1].removesuffix(".deb").split("_")
        pinned[name] = (version, digest, path, architecture)
    packages = []
    for name in [SHARED[library] for library in libraries] + STATIC:
        version, digest, path, architecture = pinned[name]
        packages.append((
            package(
                name, version, LICENCES[name], f"http://deb.debian.org/{path}",
                supplier="Organization: Debian",
                checksums=[{"algorithm": "SHA256", "checksumValue": digest}],
                externalRefs=reference(
                    f"pkg:deb/debian/{name}@{version}?arch={architecture}"),
                comment=f"The text of its licence is in the folder licences, under {name}."),
            "STATIC_LINK" if name in STATIC else "DYNAMIC_LINK"))
    return packages


def swift_packages() -> list[dict]:
    manifest = (HERE.parent / "Package.swift").read_text()
    packages = []
    for url, version in re.findall(r'\.package\(url: "([^"]+)", exact: "([^"]+)"\)', manifest):
        name = url.rsplit("/", 1)[1]
        packages.append(package(
            name, version, SWIFT_PACKAGES[name], f"git+{url}@{version}",
            externalRefs=reference(f"pkg:swift/{url.removeprefix('https://')}@{version}")))
    return packages


def main() -> None:
    if sys.argv[1] == "--packages":
        for debian, _ in debian_packages(names(sys.argv[2])):
            print(debian["name"])
        return
    version, commit, seconds, swift, folder = sys.argv[1:6]
    created = datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc)
    program = package("cpl-verify", version, "Apache-2.0", "NOASSERTION", sourceInfo=f"commit {commit}")
    runtime = package(
        "swift", swift, "Apache-2.0 WITH Swift-exception", "https://www.swift.org/install",
        comment="The standard library, Dispatch and Foundation, with ICU.")
    parts = [(runtime, "STATIC_LINK")] + [(p, "STATIC_LINK") for p in swift_packages()]
    parts += debian_packages(names(folder))
    document = {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"cpl-verify-{version}",
        "documentNamespace": f"https://spdx.org/spdxdocs/cpl-verify-{version}-{commit}",
        "creationInfo": {
            "created": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": ["Tool: cpl-verify-packaging"],
        },
        "packages": [program] + [part for part, _ in parts],
        "relationships": [{
            "spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
            "relatedSpdxElement": program["SPDXID"],
        }] + [{
            "spdxElementId": program["SPDXID"], "relationshipType": link,
            "relatedSpdxElement": part["SPDXID"],
        } for part, link in parts],
    }
    json.dump(document, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
