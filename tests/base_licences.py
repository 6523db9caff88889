"""Run by `make sbom` in an environment with the base install alone: its parts and their licences.

Writes a CycloneDX 1.6 bill of materials, and exits with what has a licence that is not allowed.
"""

import json
import re
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

# Licences that a part of the base install may have, as SPDX names them.
ALLOWED = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "MIT", "MIT-0"),
    *("PSF-2.0", "Zlib"),
}
# The same, as packages without an SPDX expression write them.
SPDX = {
    "Apache 2.0": "Apache-2.0",
    "BSD 3-Clause License": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
}
# Libraries under the LGPL, allowed as they lie in files of their own, which a user may replace:
# a package's licence is read as what stands here, and nothing else by this name passes.
REPLACEABLE = {"soxr": "LGPL-2.1-or-later"}
# What wheels bring along, read by hand from their licence files (versions of constraints.txt), as
# no metadata says it. GCC's exception and the LGPL allow it, as these are shared libraries.
BUNDLED = {
    "soundfile": "libsndfile (LGPL-2.1-or-later) with LAME and mpg123 (LGPL), in a file of its own",
    "soxr": "libsoxr (LGPL-2.1-or-later), in its extension module, a file of its own",
    "numpy": "libgfortran and libquadmath (GPL WITH GCC-exception-3.1; LGPL), OpenBLAS (BSD)",
    "scipy": "libgfortran and libquadmath (GPL WITH GCC-exception-3.1; LGPL), OpenBLAS (BSD)",
}


def installed(root: str = "cambiata") -> dict[str, Distribution]:
    """The package and all that it asks for, without extras, by name."""
    found: dict[str, Distribution] = {}
    waiting = [root]
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        found[name] = distribution(name)
        for requirement in found[name].requires or []:
            words, _, marker = requirement.partition(";")
            if "extra" not in marker and _applies(marker):
                waiting.append(re.split(r"[^\w.-]", words.strip())[0])
    return dict(sorted(found.items()))


def _applies(marker: str) -> bool:
    """Whether a requirement's condition holds here; pip's own reader of conditions decides."""
    from pip._vendor.packaging.markers import Marker

    return not marker.strip() or Marker(marker).evaluate()


def licence(part: Distribution) -> str:
    """SPDX expression of a package's licence; empty where it states none that is known."""
    facts = part.metadata
    if facts.get("License-Expression"):
        return str(facts["License-Expression"])
    words = [facts.get("License") or "", *facts.get_all("Classifier", [])]
    known = [SPDX.get(each, each) for each in words]
    return next((each for each in known if each in ALLOWED), "")


def is_allowed(name: str, expression: str) -> bool:
    """Whether one choice of an expression (A OR B AND C) has only licences that are allowed."""
    if name in REPLACEABLE:
        return expression == REPLACEABLE[name]
    choices = expression.replace("(", "").replace(")", "").split(" OR ")
    return any(all(each in ALLOWED for each in one.split(" AND ")) for one in choices)


def bill(parts: dict[str, Distribution]) -> dict[str, object]:
    """CycloneDX bill of materials of the package and what it asks for."""
    rows = []
    for name, part in parts.items():
        row: dict[str, object] = {
            "type": "application" if name == "cambiata" else "library",
            "bom-ref": f"pkg:pypi/{name}@{part.version}",
            "name": name,
            "version": part.version,
            "purl": f"pkg:pypi/{name}@{part.version}",
            "licenses": [{"expression": licence(part) or "LicenseRef-unknown"}],
        }
        if name in BUNDLED:
            row["properties"] = [{"name": "cambiata:bundled", "value": BUNDLED[name]}]
        rows.append(row)
    main = next(row for row in rows if row["name"] == "cambiata")
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": main},
        "components": [row for row in rows if row is not main],
    }


def main() -> None:
    """Write the bill, print the licences, and exit with what is not allowed."""
    parts = installed()
    Path(sys.argv[1]).write_text(json.dumps(bill(parts), indent=2) + "\n")
    refused = []
    for name, part in parts.items():
        stated = licence(part)
        print(f"{name:16} {part.version:12} {stated or 'unknown'}")
        if name in BUNDLED:
            print(f"{'':16} {'':12} with {BUNDLED[name]}")
        if not is_allowed(name, stated):
            refused.append(f"{name} ({stated or 'unknown'})")
    if refused:
        sys.exit(f"not among the allowed licences (tests/base_licences.py): {', '.join(refused)}")
    print(f"{len(parts)} packages, all licences allowed; the bill of materials is {sys.argv[1]}")


if __name__ == "__main__":
    main()
