# `make demo` and `make test` work from nothing but Python 3.11 or 3.12 and make. Everything else is fetched, checked
# against requirements.lock, and kept in .venv and in the user's cache folder.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
# Processes that run all tests. Each may have a Spark of its own, of 2 GB.
WORKERS := 2
# Also where Python is told to write none, as in many container images: without it, each process compiles all again.
unexport PYTHONDONTWRITEBYTECODE
UV := VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv --no-config

.PHONY: help demo quick units-of-files other-units classes test check security pipeline bench moto-drift lock clean

help: ## say what there is
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

demo: .venv/ready ## start a fresh lake, drop the samples, show what became of them (FLOW=feeds: of a feed, too)
	@$(BIN)/sluice demo $(addprefix --flow ,$(FLOW))

quick: .venv/ready ## while you work: ruff, mypy, a look at the tests that need nothing but Python
	@$(MAKE) --no-print-directory -j3 --output-sync=target units-of-files other-units check

# Two processes that share the tests by folder: with xdist each would collect all of them, which takes a third as long
# again as running them.
UNITS := $(BIN)/python -m pytest -q -m unit --hypothesis-profile quick -p no:xdist
units-of-files: .venv/ready
	@$(UNITS) tests/lake/files tests/stages

other-units: .venv/ready
	@$(UNITS) --ignore tests/lake/files --ignore tests/stages

classes: .venv/ready ## let Spark start in half the time from now on, for 200 MB of disk
	@$(BIN)/python -m pipeline.emulator.glue.spark.class_dump

test: .venv/ready .venv/clients/ready .venv/checkov/ready ## everything that CI runs
	@$(MAKE) --no-print-directory -j2 check security classes
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder

check: .venv/ready ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

security: .venv/checkov/ready ## checkov's public rules over templates and sources
	@$(BIN)/python -m tests.templates.public_rules

pipeline: .venv/ready ## run what the pipeline's builds run, from their buildspecs (ONLY=Check runs one)
	@$(BIN)/python -m pipeline.deploy.buildspecs $(ONLY)

bench: .venv/ready ## print the figures that the docs quote
	@$(BIN)/python -m tests.benchmarks

moto-drift: .venv/ready ## say what the newest moto changed of what is patched (MOTO=5.2.6 asks of another)
	@$(BIN)/python -m pipeline.emulator.moto.drift $(MOTO)

lock: .venv/ready ## renew requirements.lock from pyproject.toml, checkov.lock and clients.lock
	@$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --all-extras --custom-compile-command 'make lock' pyproject.toml -o requirements.lock
	@echo checkov | $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --custom-compile-command 'make lock' - -o cicd/checkov.lock
	@$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --custom-compile-command 'make lock' --group clients -o cicd/clients.lock

clean: ## stop the lake and forget the environment
	@if [ -x $(BIN)/sluice ]; then $(BIN)/sluice down; fi
	@rm -rf .venv .sluice build

.venv/ready: requirements.lock pyproject.toml cicd/setup.sh
	@sh cicd/setup.sh

# Of their own: neither checkov's requirements nor those of other clients of AWS go with the lake's.
.venv/checkov/ready .venv/clients/ready: .venv/%/ready: cicd/%.lock | .venv/ready
	@$(BIN)/uv --no-config venv -q --clear --python $(BIN)/python .venv/$*
	@VIRTUAL_ENV=$(CURDIR)/.venv/$* $(BIN)/uv --no-config pip sync -q --require-hashes cicd/$*.lock
	@touch $@
