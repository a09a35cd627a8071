# The newcomer's commands. Nothing but git, make and python3 with venv need be installed; everything else is pinned with
# hashes in requirements/ and goes into .venv. Set-up speaks on stderr, so that `make demo ARGS="-o json"` has its one
# object on stdout and nothing else (`make -w` and `make -C` add GNU make's own line there; `make -s -C` does not).

PYTHON  ?= python3
WORKERS ?= 3
STATES  ?= 20000
ARGS    ?=
AREA    ?= all
SAMPLE  ?= 0
SEED    ?= 1

# What the tests use of Debian: a browser for the page, a file system for the flash figures, FUSE, a second broker.
DEBIAN := chromium chromium-driver e2fsprogs fuse3 mosquitto

# The second run, on Python 3.13, leaves out what does not depend on the interpreter.
SECOND := not deep and not browser and not once

BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo setup test test-deep coverage mutants real bench lint lock debian clean
.NOTPARALLEL:
unexport PYTHONDONTWRITEBYTECODE # the tests start Python hundreds of times

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

demo: .venv/.office ## the street indoors: office, nodes, broker, page; e.g. make demo ARGS="--nodes 12 --seconds 60 --seed 7 -o json"
	@$(BIN)/sim demo $(ARGS)

setup: .venv/.dev .oracles/.done ## everything a developer needs, in .venv

test: .venv/.dev .oracles/.done debian lint ## set up, lint, run the fast tests and crash the journal, once more on Python 3.13 where there is one
	@$(BIN)/pytest -n $(WORKERS) --dist loadgroup $(ARGS)
	@$(BIN)/sim crash journal --states $(STATES) --jobs 2
	@make/second.sh $(BIN)/python "$(SECOND)" -n $(WORKERS) --dist loadgroup $(ARGS)

test-deep: .venv/.dev .oracles/.done debian ## the long proofs: minutes to hours
	@$(BIN)/pytest -n $(WORKERS) --dist loadgroup -m deep --timeout 0 $(ARGS)

coverage: .venv-mutants/.done ## branches of journal, chunk, uplink and time that their tests do not reach
	@.venv-mutants/bin/python -m tests.mutants coverage

mutants: .venv-mutants/.done ## do the tests notice a changed line? AREA=journal|chunk|uplink|time|all; SAMPLE=500 SEED=1
	@.venv-mutants/bin/python -m tests.mutants run $(AREA) --sample $(SAMPLE) --seed $(SEED) $(ARGS)

real: .venv/.dev ## `edge run` on device nodes that the kernel serves, and what arrives (as root also I2C)
	@$(BIN)/pytest -q -s -p no:cacheprovider tests/edge/test_real_run.py

bench: .venv/.dev debian ## CPU, memory, flash and wire figures, each beside a peer
	@$(BIN)/python -m tests.bench $(ARGS)

lint: .venv/.dev ## ruff and mypy
	@$(BIN)/ruff check
	@$(BIN)/mypy

lock: .venv/.dev ## pin the dependencies anew; UPGRADE=--upgrade takes the newest
	@make/lock.sh $(BIN)/uv $(UPGRADE)

debian: ## install what the tests use of Debian (as root), or name the command
	@make/debian.sh $(DEBIAN) >&2

clean: ## remove what set-up and tests made
	@rm -rf .venv .venv-313 .venv-mutants .mutants .coverage .oracles .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.office: requirements/office.txt pyproject.toml make/venv.sh
	@make/venv.sh $(PYTHON) .venv $< >&2
	@touch $@

.venv/.dev: requirements/dev.txt pyproject.toml make/venv.sh
	@make/venv.sh $(PYTHON) .venv $< >&2
	@touch .venv/.office $@

.venv-mutants/.done: requirements/mutants.txt pyproject.toml make/venv.sh
	@make/venv.sh $(PYTHON) .venv-mutants $< >&2
	@touch $@

.oracles/.done: requirements/oracles-a.txt requirements/oracles-b.txt make/oracles.sh | .venv/.dev
	@make/oracles.sh $(BIN)/python .oracles >&2
	@touch $@
