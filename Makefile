# The console's commands. `make` alone lists them.
VENV := .venv
PY := $(VENV)/bin/python
UV_VERSION := 0.13.9
CODE := accounts billing console security subaccounts support teams
# ruff's S rules say the same, with a reason on each line that is right all the same.
BANDIT_SKIP := B104,B108,B404,B603
SET_CHECK_ENV := set -a && . .ci/check.env && set +a

.DEFAULT_GOAL := help
.PHONY: help run demo test check bench ci lint-fix chromium simplesamlphp

help: ## List the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(VENV)/ready ## Start the console on http://127.0.0.1:8000 (HOST, PORT and VAR change that)
	@$(PY) -m console.stack run

demo: $(VENV)/ready ## The same with two sample accounts; var/demo.json has their passwords
	@$(PY) -m console.stack demo

test: $(VENV)/ready chromium simplesamlphp ## Run every test, the journeys in a real browser included
	$(PY) -m pytest -n logical --dist loadgroup

check: $(VENV)/ready ## Lint, types, import contracts, Django's checks, secrets
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(SET_CHECK_ENV) && CONSOLE_PROFILE=development $(PY) -m mypy $(CODE)
	$(VENV)/bin/lint-imports
	$(SET_CHECK_ENV) && CONSOLE_PROFILE=development $(PY) manage.py check
	$(SET_CHECK_ENV) && $(PY) manage.py check --deploy --fail-level WARNING
	$(SET_CHECK_ENV) && $(PY) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	$(PY) -m bandit -q -r $(CODE) -x '*/migrations/*' --severity-level medium --skip $(BANDIT_SKIP)
	git ls-files -z -- . ':!uv.lock' ':!tests' | xargs -0 $(VENV)/bin/detect-secrets-hook \
	    --disable-plugin KeywordDetector --exclude-lines 'user:password@|:\$$\{'

bench: $(VENV)/ready ## Measure speed as ratios inside one run
	$(PY) -m tests.bench

ci: check test ## What the build server calls

lint-fix: $(VENV)/ready ## Repair what ruff can repair
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

# The environment, made again when the lock changes. uv itself comes from PyPI into it.
$(VENV)/ready: uv.lock pyproject.toml
	@test -x $(PY) || sh .ci/make-venv $(VENV)
	@$(VENV)/bin/uv --version 2>/dev/null | grep -qF 'uv $(UV_VERSION)' || $(PY) -m pip install --quiet uv==$(UV_VERSION)
	UV_PYTHON=$(PY) UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=$(VENV) $(VENV)/bin/uv sync --frozen --inexact --group dev
	@touch $@

chromium:
	@sh .ci/find-chromium

simplesamlphp:
	@sh .ci/find-simplesamlphp
