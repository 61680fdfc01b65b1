# `make run` needs python3 >= 3.11 and make, nothing else. `make help` lists the targets.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.synced
PYTEST_ARGS ?=

# each process would compile all of its modules anew: seconds of every start
unexport PYTHONDONTWRITEBYTECODE
export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS := true
export UV_PROJECT_ENVIRONMENT := .venv

.DEFAULT_GOAL := help
.PHONY: help install run demo test bench mutants lint format clean

help:
	@sed -n 's/^## //p' Makefile

## make run      install if needed, start everything in the foreground (data in ./var), offer the demo
run: $(STAMP)
	@exec $(BIN)/ringfence serve --demo

## make demo     place the demo call through a running or temporary installation, then exit
demo: $(STAMP)
	@$(BIN)/ringfence demo

## make test     install the test peers if permitted, then run all tests
test: $(STAMP)
	@scripts/test-peers
	$(BIN)/pytest -n 2 --dist loadfile $(PYTEST_ARGS)

## make bench    run the benchmarks (JSON lines)
bench: $(STAMP)
	@$(BIN)/python -m bench

## make mutants  break the code that keeps promises, and see whether tests notice (half an hour)
mutants: $(STAMP)
	$(BIN)/python tools/mutants.py $(MUTANTS_ARGS)

## make lint     formatting, lint, types, import rules
lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

## make format   rewrite the code in the project's format
format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

## make clean    remove what make installed; ./var (the data) stays
clean:
	rm -rf .venv .venv-tools

install: $(STAMP)

$(STAMP): pyproject.toml uv.lock scripts/install
	@PYTHON="$(PYTHON)" scripts/install
	@touch $@
