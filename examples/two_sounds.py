"""Two sounds in, one sound out: ``python examples/two_sounds.py OUT.wav``."""

import sys
from pathlib import Path

import cambiata

if len(sys.argv) != 2:
    sys.exit("usage: python examples/two_sounds.py OUT.wav")
folder = Path(__file__).parent
content = cambiata.load(folder / "trumpet.ogg", end_s=2.0)
style = cambiata.load(folder / "cello.flac")
cambiata.transfer(content, style, system="musaicing", amount=0.8).save(sys.argv[1])
