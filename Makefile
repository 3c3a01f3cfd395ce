# Every target is one command: python -m commands --help says what each does.
SHELL := /bin/bash
PYTHON ?= python3
RUN := .venv/bin/python -m
STAMP := .venv/requirements.sha256
FAST := not slow and not platform and not cli and not airflow and not toolchain and not chart and not faults

.DEFAULT_GOAL := help
.PHONY: up down purge status smoke test test-fast test-long test-faults lint bench plan help venv

up: venv ## bring the one-machine platform up and run two DAGs
	@$(RUN) commands local up
down: venv ## stop the platform, keep its data
	@$(RUN) commands local down
purge: venv ## remove the platform and all its data
	@$(RUN) commands local purge
status: venv ## what runs, and where
	@$(RUN) commands local status
smoke: venv ## run all DAGs and prove what they did
	@$(RUN) commands local smoke
test: venv ## all tests but long ones and injected faults; brings the platform up where it is not, takes down what it started
	@$(RUN) pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder --durations=20 --durations-min=10 -m "not faults and not long"
test-fast: venv ## what needs no platform and no waiting
	@env --unset PYTHONDONTWRITEBYTECODE $(RUN) pytest --numprocesses auto --dist worksteal --hypothesis-profile fast -m "$(FAST)"
test-long: venv ## another executor, an upgrade and back, and README's own pulumi up, on the running platform
	@$(RUN) pytest -m long
test-faults: venv ## what breaks the running platform on purpose
	@$(RUN) pytest -m faults
lint: venv ## ruff and mypy
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy pipelines adoption infra plan registry diagnosis local commands bench
plan: venv ## what a stack would hold, with no engine, cluster or secret: STACK=dev, into build/plan/
	@$(RUN) commands plan write --stack $(or $(STACK),dev)
bench: venv ## time and memory of every stage, written to bench/results
	@$(RUN) bench
help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /  make \1\t/p' Makefile | expand -t 20

venv: ## the environment that all of these run in
	@local/venv.sh "$(PYTHON)" $(STAMP)
