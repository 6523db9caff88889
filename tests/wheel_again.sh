#!/usr/bin/env bash
# Run by `make wheel-test`: built again from a copy in another place, with other times and permissions,
# the wheel in dist/ has the same bytes.
set -euo pipefail
checkout=$(cd "$(dirname "$0")/.." && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
umask 077
mkdir "$place/copy"
cd "$checkout"
cp -R .gitignore pyproject.toml README.md LICENSE src examples "$place/copy"
"${PYTHON:-python3}" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$place/dist" "$place/copy"
cmp dist/cambiata-*.whl "$place"/dist/cambiata-*.whl
echo "the wheel has the same bytes when it is built again"
