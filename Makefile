# The interpreter that makes .venv: 3.11 or newer. Example: make test PYTHON=python3.13
PYTHON ?= python3
# Passed on to the tool of a target. Example: make test ARGS="-k resume -x"
ARGS ?=
# make bench QUICK=1: with small sizes
QUICK ?=

BIN := .venv/bin
# Without bytecode each of the hundreds of processes that the tests start compiles this project anew.
unexport PYTHONDONTWRITEBYTECODE
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help run test cluster check bench docs requirements

help: ## Show these targets
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

run: .venv/.installed ## Start the app on http://127.0.0.1:8000 (CHAINLIT_HOST and CHAINLIT_PORT change that)
	$(BIN)/python -m assistant serve $(ARGS)

test: .venv/.installed-dev ## Run the tests (ARGS="..." goes to pytest)
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal $(ARGS)

# Galera, a failover of PostgreSQL, one of Redis: nodes on the loopback, which are killed.
cluster: .venv/.installed-dev ## Run the tests on real clusters (minutes; says which Debian packages are missing)
	$(BIN)/python -m pytest -rs tests/clusters $(ARGS)

check: .venv/.installed-dev ## Lint, formatting, types and the architecture test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_architecture.py

bench: .venv/.installed-dev ## Measure it all, beside others, into bench/RESULTS.md (QUICK=1: a minute, writes nothing)
	$(BIN)/python -m bench $(if $(QUICK),--quick --only evidence) $(ARGS)

docs: .venv/.installed-dev ## Write docs/data-model.md from the code
	$(BIN)/python -m docs.generate

# Compile with the oldest supported Python: what it can install, the newer ones can too, but not the other way round.
# Each file constrains the next, so that all three can be installed together.
# pip-tools gets an environment of its own, because it would bring its own versions of what is being pinned.
requirements: ## Pin pyproject.toml again into requirements*.txt (ARGS=--upgrade for newer versions)
	@set -e; tools=$$(mktemp -d); trap 'rm -rf "$$tools"' EXIT; \
	$(PYTHON) -m venv "$$tools"; \
	"$$tools/bin/python" -m pip install --quiet --disable-pip-version-check pip-tools; \
	pin() { \
		out=$$1; shift; \
		"$$tools/bin/pip-compile" --quiet --no-header --no-annotate --strip-extras \
			--no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
			$(ARGS) "$$@" --output-file "$$out" pyproject.toml >/dev/null; \
		{ echo "# Pinned from pyproject.toml. Recompile with: make requirements"; cat "$$out"; } >"$$tools/pinned"; \
		cat "$$tools/pinned" >"$$out"; \
	}; \
	pin requirements.txt --extra app --extra files --extra pdf; \
	pin requirements-servers.txt --extra app --extra files --extra pdf --extra servers --constraint requirements.txt; \
	pin requirements-dev.txt --extra app --extra files --extra pdf --extra dev --constraint requirements.txt --constraint requirements-servers.txt

# Debian leaves ensurepip, without which venv cannot work, to the package python3-venv.
.venv/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON) is not Python 3.11 or newer: give another one with make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
		|| { echo "$(PYTHON) cannot make a virtual environment: install python3-venv first (Debian: apt install python3-venv)" >&2; exit 1; }
	@echo "Installing into .venv (once, and again whenever the requirements change)"
	@$(PYTHON) -m venv .venv
	@$(PIP_INSTALL) -r requirements.txt
	@touch $@

# The servers' drivers are here too: the contract tests speak to PostgreSQL, MySQL, Redis and S3 through them.
.venv/.installed-dev: .venv/.installed requirements-dev.txt requirements-servers.txt
	@$(PIP_INSTALL) -r requirements-dev.txt -r requirements-servers.txt
	@touch $@
