#!/usr/bin/env bash
# Run by `make wheel-test`: the wheel in dist/, in a new environment outside the checkout, from another folder.
set -euo pipefail
checkout=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python3}
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
"$python" -m venv "$place/venv"
"$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --constraint "$checkout/constraints.txt" "$checkout"/dist/cambiata-*.whl
mkdir "$place/elsewhere"
cp "$checkout"/examples/{trumpet.ogg,cello.flac,tune.mid} "$place/elsewhere"
cd "$place/elsewhere"
unset PYTHONPATH
# The package comes from the wheel, not from the checkout.
"$place/venv/bin/python" -I - "$place" <<'PYTHON'
import sys
from pathlib import Path

import cambiata

assert Path(cambiata.__file__).is_relative_to(Path(sys.argv[1]).resolve()), cambiata.__file__
PYTHON
"$place/venv/bin/cambiata" --version
"$place/venv/bin/cambiata" systems > systems.txt
"$place/venv/bin/cambiata" transfer trumpet.ogg cello.flac -o out.wav --end 2 --quiet
"$place/venv/bin/cambiata" play tune.mid cello.flac -o tune.wav --quiet
"$place/venv/bin/cambiata" translate trumpet.ogg --to sitar -o sitar.wav --end 2 --quiet
"$place/venv/bin/cambiata" transcribe trumpet.ogg -o notes.mid --quiet
ls -l out.wav tune.wav sitar.wav notes.mid
echo "the wheel installs outside the checkout and runs from another folder"
