# Two commands on a fresh machine (Python 3.11+, pip, make): `make design`, `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
OUT    ?= runs/digits
STAMP  := $(VENV)/.installed
# tests at a time; one that waits for a process leaves its core to the other
TOGETHER ?= -n 2 --dist worksteal

.PHONY: design static check test lint docs bench kill clean help

help:            ## say what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

design: $(STAMP) ## run the main job on the bundled handwritten digits (about 3 minutes on two cores)
	$(BIN)/netwright design --data_dir digits --flops 1M:2M --trials 48 --confirm_trials 16 --epochs 5 --final_epochs 12 --out $(OUT)

static: $(STAMP) ## format, lint, layers and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

check: static    ## these and the quick tests: under two minutes on two cores
	$(BIN)/python -m pytest $(TOGETHER) -m "not slow"

test: static     ## these and every test: what CI runs
	$(BIN)/python -m pytest $(TOGETHER)

lint: $(STAMP)   ## format and lint in place
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(STAMP)   ## build the documentation in site/: a warning is an error, and so is a page that asks another server
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(STAMP)  ## measure sampling, sweeps, training steps and refinements against their peers, and what reports claim by chance
	$(BIN)/python benchmarks/sampling.py
	$(BIN)/python benchmarks/sweep.py
	$(BIN)/python benchmarks/train.py
	$(BIN)/python benchmarks/models.py --quick
	$(BIN)/python benchmarks/refinement.py
	$(BIN)/python benchmarks/claims.py

kill: $(STAMP)   ## kill a training twenty times, and compare its weights with those of an undisturbed one
	$(BIN)/python benchmarks/kill9.py --kills 20

clean:           ## remove the environment and the runs
	rm -rf $(VENV) runs site
