# `make` lists the targets. PYTHON picks the interpreter (3.10 to 3.12), TORCH_INDEX a further index
# for torch, whose local versions (+cpu) pip prefers (for example https://download.pytorch.org/whl/cpu), AFFECT_PORT the service's port,
# TEST_WORKERS how many processes share the tests, TORTURE_MINUTES how long each part of torture goes on.
PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
AFFECT_PORT ?= 8080
TEST_WORKERS ?= 2
TORTURE_MINUTES ?= 10
BIN := $(VENV)/bin
WEIGHTS := model_store/synthetic-v1
STAMP := $(VENV)/.setup-done
export AFFECT_PORT
# Files stay whole: they start servers and train models once. One thread each: those of several
# processes would wait for each other.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest \
  -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup demo serve archive test test-training test-system torture check audit bench format reference metrics clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: $(STAMP) ## virtual environment with everything; safe to repeat

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 13))' \
	  || { echo "affectline needs Python 3.10 to 3.12; set PYTHON=python3.11, say"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing torch (the largest part), then the rest; a few minutes the first time"
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt \
	  $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) torch==2.13.0
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt \
	  -e '.[serve,train,synth,dev]'
	@touch $@

archive: model_store/affect.mar ## an archive of the weights that ship, unless there is one

model_store/affect.mar: | $(STAMP)
	$(BIN)/affect-train export $(WEIGHTS) --metrics $(WEIGHTS)/metrics.json \
	  --reference $(WEIGHTS)/predictions.parquet --model-store model_store

demo: setup archive ## real TorchServe, one real clip, its numbers
	$(BIN)/affect-serve demo --port $(AFFECT_PORT)

serve: setup archive ## the service in the foreground on AFFECT_PORT, +1 management, +2 metrics
	$(BIN)/affect-serve run --port $(AFFECT_PORT)

test: setup ## all tests that need pip alone, but for those of test-training
	$(PYTEST) -m 'not system and not training and not torture'

test-training: setup ## whole training runs: kills, two processes, the tutorial; about five minutes
	$(BIN)/python -m pytest -m training

test-system: setup ## tests that need Debian packages; installs them where it may
	tests/system.sh $(BIN)/python

torture: setup ## hostile clips, a fuzzer, conformance, overload, faults, a soak: TORTURE_MINUTES each
	PYTHONPATH=tests $(BIN)/python -m torture.hostile --minutes $(TORTURE_MINUTES)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[torture]'
	PYTHONPATH=tests $(BIN)/python -m torture.fuzz_decode --minutes $(TORTURE_MINUTES) --keep .torture
	PYTHONPATH=tests $(BIN)/python -m torture.conformance --minutes $(TORTURE_MINUTES)
	PYTHONPATH=tests $(BIN)/python -m torture.conformance --minutes $(TORTURE_MINUTES) --gateway
	PYTHONPATH=tests $(BIN)/python -m torture.load --minutes $(TORTURE_MINUTES)
	$(BIN)/python -m pytest -m torture
	PYTHONPATH=tests $(BIN)/python -m torture.soak --minutes $(TORTURE_MINUTES)

check: setup ## lint, format, types, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: ## known vulnerabilities of pinned packages; AUDIT_REQUIRED=1 where they can be asked for
	@test -x .audit/bin/pip-audit || { $(PYTHON) -m venv .audit \
	  && .audit/bin/python -m pip install -q --disable-pip-version-check pip-audit==2.10.1; }
	.audit/bin/python docker/image/audit.py

bench: setup ## how fast clips are worked through, in one run, alone; writes bench.json
	$(BIN)/python benchmarks/bench.py --json bench.json

format: setup ## apply the formatter
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

reference: setup ## write docs/reference.md, the tables of errors and docs/openapi.json from the client
	$(BIN)/python docs/make_reference.py

metrics: setup ## write metrics.yaml, docs/metrics.md, dashboards and Kubernetes' rules from what is declared
	$(BIN)/python docs/make_metrics.py
	$(BIN)/python docker/grafana/make_dashboards.py
	$(BIN)/python docker/kubernetes/make_rules.py

clean: ## remove the environment, caches and the exported archive
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find model_store -mindepth 1 -maxdepth 1 ! -name README.md ! -name synthetic-v1 -exec rm -rf {} +
