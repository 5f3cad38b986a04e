# The daily commands. Each calls what is in scripts/ or in the locked environment .venv, which is made on first use.
.DEFAULT_GOAL := help
.PHONY: help install run demo test test-sqlite test-postgresql lint format types texts openapi coverage mutation benchmark

TESTS ?= tests
INSTALL := . scripts/environment && install test

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

install: ## Make .venv with the locked versions of everything that tests need
	@$(INSTALL)

run: ## Serve the registry on http://127.0.0.1:8000
	scripts/run

demo: ## Serve the example registry, with people, projects and cases
	scripts/run --demo

test: ## Run every check and every test, on SQLite and on PostgreSQL
	scripts/test

test-sqlite: ## Run the tests in TESTS=… on SQLite
	@$(INSTALL) && .venv/bin/python -m pytest $(TESTS)

test-postgresql: ## Run the tests in TESTS=… on PostgreSQL
	@$(INSTALL) && .venv/bin/python -m pytest --database postgresql $(TESTS)

lint: ## Check style, formatting and the direction of imports
	@$(INSTALL) && .venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/lint-imports --no-cache

format: ## Format the code and sort its imports
	@$(INSTALL) && .venv/bin/ruff check --fix-only --select I . && .venv/bin/ruff format .

types: ## Check types
	@$(INSTALL) && .venv/bin/mypy

texts: ## Update the gettext catalogues with the texts in code and templates
	scripts/texts

openapi: ## Regenerate docs/openapi*.json and docs/reference/errors.md
	@$(INSTALL) && .venv/bin/python -m registry.api.specification docs

coverage: ## Measure which branches the tests take, and fail below the floor
	scripts/coverage

mutation: ## Measure whether the tests notice small changes of the code
	scripts/mutation

benchmark: ## Measure speed against floors taken in the same run
	scripts/benchmark
