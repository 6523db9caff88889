# Every target works on a fresh machine: Python 3.11 or later, its venv module, and make.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test test-all check base bench clean

demo: $(VENV)/base
	$(BIN)/cambiata transfer examples/trumpet.ogg examples/cello.flac -o demo.wav --preset shifted --force
	@echo "The trumpet's phrase with the cello's sound lies in $(CURDIR)/demo.wav"

test: check
	$(BIN)/python -m pytest -m "not slow"

test-all: check
	$(BIN)/python -m pytest

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

bench: $(VENV)/bench
	$(BIN)/python benchmarks/vocoder.py
	$(BIN)/python benchmarks/onsets.py
	$(BIN)/python benchmarks/speed.py

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/base: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable .
	@touch $@

$(VENV)/test: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable ".[lab,test]"
	@touch $@ $(VENV)/base

$(VENV)/bench: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable ".[lab,bench]"
	@touch $@ $(VENV)/base

clean:
	rm -rf $(VENV) $(VENV)-base demo.wav
