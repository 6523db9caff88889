# Every target works on a fresh machine: Python 3.11 or later, its venv module, and make.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo fonts test test-all test-page check base base-lowest hashes sbom audit fuzz wheel-test docs bench clean

demo: $(VENV)/base
	$(BIN)/cambiata transfer examples/trumpet.ogg examples/cello.flac -o demo.wav --force
	@echo "The trumpet's phrase with the cello's sound lies in $(CURDIR)/demo.wav"

# FluidSynth's library and the sound fonts (Debian, Ubuntu; as root). Tests that need one that is
# missing are skipped, and say so.
fonts:
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends libfluidsynth3 fluid-soundfont-gm \
	    musescore-general-soundfont-small csound-soundfont timgm6mb-soundfont

# One thread a process: the tests take all cores anyway, and threads would wait for one another.
test: export OMP_NUM_THREADS ?= 1
test: check
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not slow"

test-all: check
	$(BIN)/python -m pytest

# The studio's page in Chromium (Debian: chromium), each tab as a person would; skipped without it.
test-page: $(VENV)/test
	$(BIN)/python -m pytest -m slow tests/web

# Format, lint, types; tests/test_docstrings.py lints what docstrings say.
check: $(VENV)/test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# The base install alone must import and convert: no torch, nothing of any extra.
base:
	rm -rf $(VENV)-base
	$(MAKE) VENV=$(VENV)-base $(VENV)-base/base
	$(VENV)-base/bin/python tests/base_install.py

# requirements-base.txt: every package of the base install for Python 3.11 to 3.13 on any system, by version and
# hash. To be made again when pyproject.toml or constraints.txt change; needs the package index.
hashes:
	$(PYTHON) -m venv $(VENV)-tools
	$(VENV)-tools/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	$(VENV)-tools/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	    --constraint constraints.txt --custom-compile-command "make hashes" --output-file requirements-base.txt

# Known vulnerabilities of the base install, from PyPI's advisories; where they cannot be reached this says so,
# and is no failure.
audit:
	$(PYTHON) -m venv $(VENV)-tools
	$(VENV)-tools/bin/python tests/base_audit.py

# Coverage-guided fuzzing of every reader of files (atheris: CPython on Linux and macOS), so many minutes of one
# core; corpus and failures stay in fuzz/, from which the next run goes on.
FUZZ_MINUTES ?= 60
fuzz: $(VENV)/base
	$(PIP) atheris
	$(BIN)/python benchmarks/fuzz_coverage.py --minutes $(FUZZ_MINUTES) --folder fuzz

# What the base install is made of: its licences, checked, and dist/sbom.json (CycloneDX); after `make base`.
sbom:
	test -x $(VENV)-base/bin/python || $(MAKE) VENV=$(VENV)-base $(VENV)-base/base
	mkdir -p dist
	$(VENV)-base/bin/python tests/base_licences.py dist/sbom.json

# The base install with the lowest versions that pyproject.toml allows, where the Python has wheels of them.
base-lowest:
	rm -rf $(VENV)-lowest
	if $(PYTHON) -c "import sys; sys.exit(sys.version_info >= (3, 13))"; then \
	    $(PYTHON) -m venv $(VENV)-lowest && \
	    $(VENV)-lowest/bin/python -m pip install --quiet --disable-pip-version-check \
	        --constraint constraints-lowest.txt --editable . && \
	    $(VENV)-lowest/bin/python tests/base_install.py; \
	else echo "no wheels of the lowest versions for this Python"; fi

# The wheel, installed in a new environment outside the checkout and run from another folder.
wheel-test: | $(BIN)/python
	rm -rf dist/*.whl
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	PYTHON="$(abspath $(BIN)/python)" tests/wheel_again.sh
	PYTHON="$(abspath $(BIN)/python)" tests/wheel_install.sh

# The documentation site, in docs/_build/html. Warnings are errors; nothing is loaded from a network.
docs: $(VENV)/docs
	$(BIN)/python -m sphinx -W --keep-going --quiet -b html docs docs/_build/html
	$(BIN)/python docs/check_site.py docs/_build/html
	@echo "The documentation lies in $(CURDIR)/docs/_build/html/index.html"

bench: $(VENV)/bench
	$(BIN)/python benchmarks/vocoder.py
	$(BIN)/python benchmarks/onsets.py
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/data.py
	$(BIN)/python benchmarks/studio.py

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# Packages whose bytes are those of requirements-base.txt, or none.
$(VENV)/base: pyproject.toml requirements-base.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-base.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	$(BIN)/python -m pip check
	@touch $@

$(VENV)/test: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable ".[lab,notes,studio,train,eval,test]"
	$(PIP) --no-deps basic-pitch
	@touch $@ $(VENV)/base

$(VENV)/docs: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable ".[docs]"
	@touch $@ $(VENV)/base

$(VENV)/bench: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable ".[lab,studio,train,eval,bench]"
	@touch $@ $(VENV)/base

clean:
	rm -rf $(VENV) $(VENV)-base $(VENV)-lowest $(VENV)-tools docs/_build docs/reference/api demo.wav
