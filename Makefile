# `make run` opens the page, `make test` checks everything, `make live` writes the edition that runs
# in the browser alone into OUT.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/pip install -q -c constraints.txt

OUT ?= build/live
TESTS ?= not slow
NODE := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm --prefix playground/live
.PHONY: run test test-all live report screenshot screenshots constraints clean

run: .venv/run
	$(BIN)/python app.py

test: .venv/test playground/live/node_modules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@.ci/browser $(BIN)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n 2 -m "$(TESTS)"

test-all: # also the slow tests
	$(MAKE) test TESTS=

live: .venv/test playground/live/node_modules
	$(BIN)/python -m playground.live $(OUT)

report: .venv/test # the sheets, every table of the documents, and what the page shows at first
	$(BIN)/python -m playground.measuring report
	$(BIN)/python -m playground.page.example

screenshot: .venv/test
	$(BIN)/python tests/screenshot.py

screenshots: .venv/test # every lens at three widths and in two themes, into screenshots/
	$(BIN)/python tests/screenshot.py --every

# The newest releases that requirements*.txt allow, for Python 3.10 and later. Which build of torch
# is right depends on the machine, so it and its companions stay out.
constraints: .venv/test
	$(BIN)/pip install -q uv
	$(BIN)/uv pip compile -q --universal --python-version 3.10 --no-annotate --no-header \
		requirements-dev.txt | grep -Ev '^(torch|triton|nvidia|cuda)' > constraints.txt

.venv/run: requirements.txt constraints.txt
	$(PYTHON) -m venv .venv
	$(INSTALL) -r requirements.txt
	touch $@

.venv/test: requirements.txt requirements-dev.txt constraints.txt
	$(PYTHON) -m venv .venv
	$(INSTALL) -r requirements-dev.txt
	touch $@ .venv/run

# Through the Node that comes from PyPI: the runtime that the browser is given, and tsc.
playground/live/node_modules: playground/live/package-lock.json .venv/test
	$(NODE) ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

clean:
	rm -rf .venv playground/live/node_modules
