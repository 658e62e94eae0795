# Two commands: `make run` opens the page, `make test` checks everything.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test report screenshot clean

run: .venv/run
	$(BIN)/python app.py

test: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest

report: .venv/test
	$(BIN)/python -m playground.measuring report
	$(BIN)/python -m playground.page.example

screenshot: .venv/test
	$(BIN)/python tests/screenshot.py

.venv/run: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q -r requirements.txt
	touch $@

.venv/test: requirements.txt requirements-dev.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q -r requirements-dev.txt
	touch $@ .venv/run

clean:
	rm -rf .venv
