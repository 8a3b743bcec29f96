# Every way to use this project from a fresh clone; `make` alone lists them.
# All paths are relative, so that the clone may lie anywhere, also under a name with spaces.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PYTHON ?= python3
RUN := .venv/bin/python -m
READY := .venv/.ready

.PHONY: help demo serve test test-slow chaos check configs export bench bench-finisher gallery body garment body3d pins clean

help: ## show this list
	@echo "A virtual fitting room on NVIDIA Triton. Start with: make demo"
	@echo
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 18
	@echo
	@echo "  make demo PERSON=me.jpg GARMENT=shirt.jpg     your own photos"

demo: $(READY) weights ## see a person in other garments: writes out/demo/index.html
	@$(RUN) benchmarks demo $(if $(PERSON),--person "$(PERSON)") $(if $(GARMENT),--garment "$(GARMENT)")

serve: $(READY) weights ## Triton and the REST service, with a page to try it, on http://127.0.0.1:8080
	@$(RUN) api.cli serve

test: check weights ## everything that must hold: checks, then the tests, on two cores (WORKERS=2)
	OMP_NUM_THREADS=1 $(RUN) pytest -m "not slow" --numprocesses $(or $(WORKERS),2) --dist loadfile

test-slow: $(READY) weights ## the long tests too: load, memory over hundreds of requests
	$(RUN) pytest

chaos: $(READY) weights ## kill, freeze and starve the service while it works; every job must end exactly once
	$(RUN) tests.chaos $(if $(JOBS),--jobs $(JOBS)) $(if $(SEED),--seed $(SEED))

check: $(READY) ## style, types, and the direction of the imports
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	.venv/bin/lint-imports

configs: $(READY) ## write every config.pbtxt from bridge/contracts.py
	$(RUN) export configs

export: weights ## fetch the weights and convert them to ONNX (skips what is current)

bench: $(READY) weights ## latency per stage; quality too with PAIRS=folder
	$(RUN) benchmarks latency --json out/latency.json
	$(if $(PAIRS),$(RUN) benchmarks quality --pairs "$(PAIRS)" --json out/quality.json)

bench-finisher: $(READY) ## how quick the finisher is on this machine's card (CARD=h200), in nine minutes
	$(RUN) benchmarks finisher --json benchmarks/results/finisher-$(or $(CARD),h200).json

gallery: $(READY) weights ## every person in every garment of PHOTOS=folder, as one sheet
	$(RUN) benchmarks gallery $(if $(PHOTOS),--photos "$(PHOTOS)")

body: $(READY) weights ## the body in PERSON=me.jpg as files, and its measurements; HEIGHT=1720 is the person's [mm]
	@$(RUN) benchmarks body $(if $(PERSON),"$(PERSON)") $(if $(HEIGHT),--height "$(HEIGHT)")

garment: $(READY) weights ## the garment in GARMENT=shirt.jpg as files: pattern, seams, texture; with PERSON=me.jpg draped too
	@$(RUN) benchmarks garment $(if $(GARMENT),"$(GARMENT)") $(if $(BACK),--back "$(BACK)") $(if $(PERSON),--person "$(PERSON)") $(if $(HEIGHT),--height "$(HEIGHT)")

body3d: $(READY) weights ## a page that shows the garment draped on a body in 3D; PERSON= and GARMENT= for yours
	@$(RUN) benchmarks body3d $(if $(PERSON),--person "$(PERSON)") $(if $(GARMENT),--garment "$(GARMENT)")

pins: $(READY) ## resolve pyproject.toml anew into requirements.txt
	$(RUN) uv pip compile --python-version 3.11 --python-platform x86_64-manylinux_2_35 --all-extras --upgrade \
	  --no-header --no-emit-index-url --quiet pyproject.toml -o requirements.txt

clean: ## remove the environment and everything that was built
	rm -rf .venv .artifacts out build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	rm -f model_repository/*/1/model.onnx
	rm -rf model_repository/{clip_image,aesthetic,lpips,face_embed}

.PHONY: weights
weights: $(READY)
	@$(RUN) export weights

$(READY): requirements.txt pyproject.toml
	@PYTHON="$(PYTHON)" .ci/environment
	@touch $@
