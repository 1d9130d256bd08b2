# onfh-nnunet: MRI -> nnU-Net -> Steinberg grade. `make help` lists the targets; variables bear the options' names.

PYTHON ?= python3
VENV   ?= .venv
WORK   ?= work
FOLD   ?= all
PRESET ?= paper
OUT    ?= out
DEMO   ?= demo
RUNS   ?= 300

BIN  := $(VENV)/bin
ONFH := $(BIN)/onfh
# An NVIDIA GPU asks for another build of torch.
CONSTRAINTS ?= constraints/$(if $(shell command -v nvidia-smi 2>/dev/null),gpu,cpu).txt
STAMP := $(VENV)/.onfh-$(notdir $(CONSTRAINTS))

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types unit fuzz faults docs bench convert plan train crossval export predict grade report clean

help:  ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## make the environment in VENV (.venv)

$(STAMP): pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) torch torchvision
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) --editable '.[dev]'
	touch $@

demo: setup  ## the whole pipeline on a small synthetic DICOM cohort, from MRI to grades, in DEMO
	$(BIN)/python -m recipes.demo $(DEMO)

test: lint types unit  ## lint, types and all tests

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/lint-imports --no-cache --no-logo

types: setup
	$(BIN)/mypy

unit: setup
	$(BIN)/pytest --numprocesses 2 --dist loadgroup

fuzz: setup  ## thousands of damaged tables, images, segmentations and model files, other ones each time
	$(BIN)/pytest tests/fuzz --hypothesis-profile fuzz

faults: setup  ## [RUNS=]: commands that are killed, denied and starved at random, and repeated; Linux
	$(BIN)/python -m tests.faults --runs $(RUNS)

docs: setup  ## the pages as a site, in site/; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

bench: setup  ## every figure of docs/benchmarks.md
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.convert
	$(BIN)/python -m benchmarks.metrics
	$(BIN)/python -m benchmarks.many_hips
	$(BIN)/python -m benchmarks.coverage
	$(BIN)/python -m benchmarks.intervals
	$(BIN)/python -m benchmarks.predict --stock
	$(BIN)/python -m recipes.demo $(DEMO)
	$(BIN)/python -m benchmarks.predict_batch $(DEMO)/model.safetensors
	$(BIN)/python -m benchmarks.predict_switches $(DEMO)/work

convert: setup  ## COHORT= [WORK=]: cohort.csv -> nnU-Net dataset
	$(ONFH) convert '$(COHORT)' --work '$(WORK)'

plan: setup  ## [WORK= PRESET=]: fingerprint, plan, preprocess, folds
	$(ONFH) plan --work '$(WORK)' --preset $(PRESET)

train: setup  ## [WORK= FOLD= FROM=]: train all folds, or one; FROM: start from a model
	$(ONFH) train --work '$(WORK)' --fold $(FOLD) $(if $(FROM),--from '$(FROM)')

crossval: setup  ## [WORK=]: evaluate each hip with the fold that did not see it
	$(ONFH) crossval --work '$(WORK)'

export: setup  ## MODEL= [WORK=]: all folds -> one model file
	$(ONFH) export --work '$(WORK)' --out '$(MODEL)'

predict: setup  ## INPUT= [MODEL= OUT=]: raw scans -> masks and grades
	$(ONFH) predict $(INPUT) $(if $(MODEL),--model '$(MODEL)') --out '$(OUT)'

grade: setup  ## INPUT= [OUT=]: masks of any tool -> grades
	$(ONFH) grade $(INPUT) --out '$(OUT)'

report: setup  ## [OUT=]: HTML report of a prediction, or of WORK/crossval
	$(ONFH) report '$(OUT)'

clean:  ## remove the demo and caches; the environment and your work stay
	rm -rf $(DEMO) .mypy_cache .pytest_cache .ruff_cache .hypothesis build site *.egg-info
