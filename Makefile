# Every task of this project. `make` alone says what there is.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

help:           ## What each target does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(STAMP) ## Make .venv with every locked package (once, about a minute)

$(STAMP): requirements.lock pyproject.toml tools/setup
	@PYTHON=$(PYTHON) tools/setup $(VENV)
	@touch $@

policy: $(STAMP) ## What the platform team allows: specs, and the stack's preview on the emulator
	@$(BIN)/foundry-tune policy jobs/specs
	@$(BIN)/foundry-emulator run -- bash -c 'pulumi stack select --create dev && pulumi preview --policy-pack infra/policy_pack'

demo: $(STAMP)  ## The guide's whole path, offline: environment, fine-tune, serve, ask, clean up
	@$(BIN)/foundry-emulator run --fresh --state .foundry-emulator/demo -- bash tools/demo

test: $(STAMP)  ## Unit, integration and acceptance tests
	@$(BIN)/python -m pytest -n 2 --dist worksteal -q -m "not rehearsal"

rehearse: $(STAMP) ## The long stories: whole stacks, whole workflows, every profile (minutes)
	@$(BIN)/python -m pytest -n 2 --dist worksteal -q -m rehearsal

matrix: $(STAMP) ## Every remote call times every fault and kill: one paid job (more than an hour)
	@MATRIX=all $(BIN)/python -m pytest -n 2 --dist worksteal -q tests/integration/jobs/test_matrix.py

check: $(STAMP) ## Format, lint, types, room boundaries
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/basedpyright
	@$(BIN)/python -m pytest -q tests/unit/test_architecture.py

demo-training: $(STAMP) .venv-training/.installed ## Trainings of one's own by torch, offline: an adapter and a head (sets torch up)
	@PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/foundry-emulator run --fresh --state .foundry-emulator/demo-training \
		--job-python .venv-training/bin/python -- bash tools/demo-training

test-training: .venv-training/.installed ## The training program on a tiny Phi-3: types, losses, resume (sets torch up)
	@$(BIN)/basedpyright -p tests/training/pyright.json
	@.venv-training/bin/pytest -c tests/training/pytest.ini --confcutdir=tests/training -q tests/training

.venv-training/.installed: $(STAMP) training/requirements.lock
	@echo 'Setting up .venv-training (once; torch for CUDA is 3 GB) …' >&2
	@$(PYTHON) -m venv .venv-training
	@VIRTUAL_ENV=.venv-training $(BIN)/uv pip sync -q --require-hashes training/requirements.lock
	@touch $@

pages-check: $(STAMP) ## The report and the emulator's page in Chromium: axe, keyboard (needs Chromium, npm)
	@npm ci --silent --ignore-scripts --prefix tests/browser
	@$(BIN)/python -m pytest -q tests/browser/check_report.py tests/browser/check_page.py

conformance: $(STAMP) ## Outside clients against the emulator: az, Go, Node, MLflow, Azurite … (minutes; CLIENTS="go node")
	@$(BIN)/python -m tests.conformance $(CLIENTS)

steady: $(STAMP) ## 1,000 kills while clients write, 1,000 jobs, 200 endpoints asked by 64 (KILLS=N JOBS=N; half an hour)
	@$(BIN)/python -m tests.steady

accept: $(STAMP) ## Rewrite the expected output of the acceptance tests
	@FOUNDRY_TUNE_ACCEPT=1 $(BIN)/python -m pytest -q tests/acceptance

docs: $(STAMP)  ## Write the pages that are made from the program
	@$(BIN)/python -m tools.docs

bench: $(STAMP) ## Speed, as ratios against a named peer or limit
	@$(BIN)/python -m benchmarks

fuzz: $(STAMP)  ## Ever new broken specs and data files, guided by coverage (SECONDS=120 each)
	@$(BIN)/uv pip install -q --python $(BIN)/python "atheris==3.0.0"
	@for target in specs data; do $(BIN)/python tools/fuzz.py $$target --seconds $(or $(SECONDS),120) || exit 1; done

wheel: $(STAMP) ## Build the wheel, and run both commands from it outside the checkout
	@tools/wheel $(BIN)

lock:           ## Resolve requirements.lock anew from pyproject.toml
	@$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-annotate \
		--python-version 3.11 --extra dev pyproject.toml -o requirements.lock

lock-training:  ## Resolve the training program's lock anew, also from pyproject.toml
	@$(BIN)/python -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb")); print(*p["project"]["optional-dependencies"]["training"], *p["dependency-groups"]["training-job"], sep="\n")' \
		| $(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-annotate \
		--python-version 3.11 - -o training/requirements.lock

clean:          ## Remove the virtual environment and the emulator's state
	@rm -rf $(VENV) .venv-conformance .venv-training .foundry-emulator .fuzz

.DEFAULT_GOAL := help
.PHONY: help setup policy demo demo-training test rehearse matrix conformance steady pages-check check test-training accept docs bench fuzz wheel lock lock-training clean
