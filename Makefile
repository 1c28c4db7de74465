# Two commands matter: `make run` shows the main job end to end, `make test` runs every test.
# Both work on a fresh Debian or Ubuntu machine that has python3, make and apt.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
# Tests wait for processes and sockets as long as they compute: two workers more than cores, idle ones take work over.
PYTEST_WORKERS ?= $(shell expr $$(nproc) + 2)

.PHONY: help setup setup-test run test lint types check bench docs screenshots lock clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup:  ## Set up .venv with the mixedmode command (quick when nothing changed)
	@scripts/setup runtime

setup-test:  ## The same with the test tools: compiler, PostgreSQL, SoftHSM2, TFTP and SSH clients, linters
	@scripts/setup test

run: setup  ## Play the first procedure, then start a lab on loopback; Ctrl-C ends it
	@$(BIN)/mixedmode rehearse non-secure-to-mixed --phones 4
	@$(BIN)/mixedmode lab $(LAB_ARGS)

test: setup-test  ## Run every test
	@scripts/tests -n $(PYTEST_WORKERS) --dist worksteal $(PYTEST_ARGS)

lint: setup-test  ## ruff and the house rules about imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache

types: setup-test  ## mypy --strict
	@$(BIN)/mypy

check: lint types test  ## Everything that must be green

bench: setup-test  ## Run the benches, each against a peer in the same run
	@$(BIN)/mixedmode bench

docs: setup-test  ## Play the four procedures of the how-to, and write their pages
	@$(BIN)/python scripts/how-to

screenshots: setup-test  ## Take a picture of every page of the administration, into docs/screenshots
	@$(BIN)/python -m tests.faces.web.screenshots

lock:  ## Write the lock files anew from pyproject.toml (needs uv)
	@scripts/lock

clean:  ## Remove what the set-up made
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
