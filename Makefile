# Every target works on a fresh machine: Python 3.11 or later, its venv module, and make.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo fonts test test-all test-page check base base-lowest sbom wheel-test docs bench clean

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

$(VENV)/base: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable .
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
	rm -rf $(VENV) $(VENV)-base $(VENV)-lowest docs/_build docs/reference/api demo.wav
