# Each target is one short script of scripts/, which .ci/run calls as well.
.PHONY: help install demo test check bench lock
.DEFAULT_GOAL := help

help: ## say what the targets do
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: ## make .venv with everything
	@scripts/install dev

demo: ## run the whole story on loopback, no root needed
	@scripts/demo

test: ## all checks and all tests; as root also installs the Debian packages they need
	@scripts/test

check: ## format, lint, types, import rules, drift
	@scripts/check

bench: ## measure latency, memory and session opening
	@scripts/bench

lock: ## resolve requirements/*.in again (needs uv)
	@scripts/lock
