"""Run by `make audit`: known vulnerabilities of what requirements-base.txt names, by pip-audit.

Exits with those that are known. Where pip-audit or PyPI's advisories cannot be reached, it says
that nothing was audited, and is no failure: a build does not depend on a network.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_PATIENCE_S = 120  # 17 packages take five seconds where PyPI answers


def judge(report: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Of a report of pip-audit, the vulnerabilities, and the packages that were not looked up."""
    packages = report["dependencies"]
    # A mirror without advisories answers like a package that nobody has heard of.
    skipped = [each["name"] for each in packages if "skip_reason" in each]
    known = [
        f"{each['name']} {each['version']}: {fault['id']}, fixed in {fixed_in(fault)}"
        for each in packages
        for fault in each.get("vulns", ())
    ]
    return known, skipped


def fixed_in(fault: Mapping[str, Any]) -> str:
    """The versions in which a vulnerability is fixed, in words."""
    return " and ".join(fault.get("fix_versions", ())) or "no version"


def audit(folder: Path) -> Mapping[str, Any] | None:
    """Report of pip-audit; None where it cannot be had."""
    pip = ["pip", "install", "--quiet", "--disable-pip-version-check"]
    place = folder / "report.json"
    look_up = ["pip_audit", "--disable-pip", "--require-hashes", "--progress-spinner", "off"]
    for call in (
        [*pip, "--constraint", str(ROOT / "constraints.txt"), "pip-audit"],
        [
            *look_up,
            "--requirement",
            str(ROOT / "requirements-base.txt"),
            "-f",
            "json",
            "-o",
            str(place),
        ],
    ):
        # What goes wrong is told by the report that is missing, not by exit codes: pip-audit's is
        # the same for a vulnerability and for no network.
        try:
            subprocess.run(
                [sys.executable, "-m", *call], capture_output=True, timeout=_PATIENCE_S, check=False
            )
        except subprocess.TimeoutExpired:
            return None
    return json.loads(place.read_text()) if place.exists() else None


def main() -> None:
    """Print what was found; exit with the vulnerabilities."""
    with tempfile.TemporaryDirectory() as folder:
        report = audit(Path(folder))
    if report is None:
        print("NOT AUDITED: pip-audit or the advisories cannot be reached")
        return
    known, skipped = judge(report)
    n = len(report["dependencies"])
    if skipped:
        print(f"NOT AUDITED: no advisories are to be had of {', '.join(skipped)}")
    if known:
        sys.exit("\n".join(["known vulnerabilities:", *known]))
    print(f"{n - len(skipped)} of {n} packages audited, no known vulnerability")


if __name__ == "__main__":
    main()
