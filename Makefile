# `make demo` and `make test` are the two commands; `make` alone lists them all. Each does the set-up that it needs.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
STAMPS := $(VENV)/stamps
COMPILE := $(UV) pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
           --python-version 3.11
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help install demo dev test check reference clients interop axe fuzz site lock bench clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMPS)/dev  ## make the environment, .venv/bin/limpet with it

demo: $(STAMPS)/demo  ## start Limpet, send messages with Twilio's SDK, see who hears from which number
	@$(BIN)/python examples/demo.py

dev: $(STAMPS)/demo  ## start Limpet for development and stay (Ctrl-C stops it)
	@$(BIN)/limpet dev

test: $(STAMPS)/dev  ## the whole test suite; `make test TESTS="tests/core -k sticky"` for a part
	@$(BIN)/pytest --numprocesses auto --maxprocesses 4 $(TESTS)

check: $(STAMPS)/dev  ## style, types, layers
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

reference: $(STAMPS)/dev  ## write docs/reference from the routes and commands of the code
	@$(BIN)/python -m limpet.devtools.reference docs/reference
	@$(BIN)/python -m limpet.cli_reference docs/reference

clients: $(STAMPS)/clients  ## install each major of Twilio's clients, so that the tests walk with them (needs npm)

interop: $(STAMPS)/interop  ## install other people's SMPP stacks, so that the tests speak with them (needs npm)

axe: $(STAMPS)/axe  ## install axe-core, by which the tests hold pages to what everybody can use (needs npm)

fuzz: $(STAMPS)/fuzz  ## look for bytes that break a promise, FUZZ_SECONDS (60) for each kind; FUZZ=--dry keeps nothing of it
	@PYTHONPATH=$(VENV)/fuzz $(BIN)/python -m tests.fuzz.search --seconds $(FUZZ_SECONDS) $(FUZZ)

site: $(STAMPS)/site  ## write the documents as a site with a search, into dist/site
	@NO_MKDOCS_2_WARNING=1 PYTHONPATH=$(VENV)/site $(BIN)/python -m mkdocs build --quiet

lock: $(UV)  ## pin every dependency anew: all newer versions that pyproject.toml allows
	@$(COMPILE) --upgrade pyproject.toml --extra demo --extra otel --group dev -o requirements/dev.lock
	@$(COMPILE) pyproject.toml --extra demo --group build -c requirements/dev.lock -o requirements/demo.lock
	@$(COMPILE) pyproject.toml -c requirements/dev.lock -o requirements/run.lock
	@$(COMPILE) pyproject.toml --extra otel -c requirements/dev.lock -o requirements/otel.lock
	@$(COMPILE) --group build -c requirements/dev.lock -o requirements/build.lock
	@$(COMPILE) --upgrade --group fuzz -o requirements/fuzz.lock
	@$(COMPILE) --upgrade --group interop -o requirements/interop.lock
	@$(COMPILE) --upgrade --group site -o requirements/site.lock
	@echo uv | $(COMPILE) --upgrade - -o requirements/bootstrap.lock

bench: $(STAMPS)/demo  ## measure against Kannel: make bench COMPARE=path/to/compare.py
	@[ -n "$(COMPARE)" ] || { echo 'Say where the measuring tool is: make bench COMPARE=path/to/compare.py'; exit 1; }
	@$(BIN)/python $(COMPARE) benchmarks/start-limpet

clean:  ## remove the environment and everything that can be made again
	@rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# ── the environment: a stamp says which lock it was made from ──

$(UV): requirements/bootstrap.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Limpet needs Python 3.11 or later as $(PYTHON); another one can be named: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/bootstrap.lock
	@touch $@

$(STAMPS)/dev: $(UV) requirements/dev.lock pyproject.toml
	@$(UV) pip sync --quiet --require-hashes --python $(BIN)/python requirements/dev.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@mkdir -p $(STAMPS) && touch $(STAMPS)/dev $(STAMPS)/demo

# What the demo needs is part of what development needs: nothing that is there already is taken away.
$(STAMPS)/demo: $(UV) requirements/demo.lock pyproject.toml
	@$(UV) pip install --quiet --require-hashes --python $(BIN)/python --requirement requirements/demo.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@mkdir -p $(STAMPS) && touch $@

# The last release of each major that people run.
PYTHON_CLIENTS := 6.63.2 7.17.0 8.13.0 9.13.0
NODE_CLIENTS := 4.23.0 5.13.1 6.2.0
TWILIO_CLI := 6.2.4

$(STAMPS)/clients: $(STAMPS)/dev Makefile
	@for version in $(PYTHON_CLIENTS); do \
	  $(UV) pip install --quiet --python $(BIN)/python --target $(VENV)/clients/python-$${version%%.*} twilio==$$version; done
	@for version in $(NODE_CLIENTS); do \
	  npm install --silent --no-audit --no-fund --prefix $(VENV)/clients/node-$${version%%.*} twilio@$$version; done
	@npm install --silent --no-audit --no-fund --prefix $(VENV)/clients/cli twilio-cli@$(TWILIO_CLI)
	@touch $@

# Apart from the environment: it is for some Pythons and platforms only.
FUZZ_SECONDS := 60

$(STAMPS)/fuzz: $(STAMPS)/dev requirements/fuzz.lock
	@$(UV) pip install --quiet --require-hashes --python $(BIN)/python --target $(VENV)/fuzz \
	  --requirement requirements/fuzz.lock
	@touch $@

$(STAMPS)/site: $(STAMPS)/dev requirements/site.lock
	@$(UV) pip install --quiet --require-hashes --python $(BIN)/python --target $(VENV)/site --requirement requirements/site.lock
	@touch $@

# SMPP stacks of others. Kannel and Net::SMPP are the system's (Debian: kannel, kannel-extras, libnet-smpp-perl).
NODE_SMPP := 0.5.1

$(STAMPS)/interop: $(STAMPS)/dev requirements/interop.lock Makefile
	@$(UV) pip install --quiet --require-hashes --python $(BIN)/python --target $(VENV)/interop/python \
	  --requirement requirements/interop.lock
	@npm install --silent --no-audit --no-fund --prefix $(VENV)/interop/node smpp@$(NODE_SMPP)
	@touch $@

AXE := 4.14.1

$(STAMPS)/axe: $(STAMPS)/dev Makefile
	@npm install --silent --no-audit --no-fund --prefix $(VENV)/clients/axe axe-core@$(AXE)
	@touch $@
