# Every target is one line here and one script in scripts/. Bare `make` lists them.
TARGET ?= x86_64
PROFILE ?= release
export TARGET PROFILE

.PHONY: help
help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: deps
deps: ## Install the Debian packages that building and testing need (as root) [TARGET=aarch64]
	@scripts/deps

.PHONY: build
build: ## Build the debug binary, for work on the code
	@scripts/deps build
	cargo build

.PHONY: root
root: ## Lay out target/dev/root with a static debug binary: quick to make, for trying cases
	@scripts/dev-root

.PHONY: dist
dist: ## Build the static release and its tarballs in target/dist [TARGET=aarch64] [PROFILE=quick]
	@scripts/dist

.PHONY: dist-all
dist-all: ## Build the release for every architecture: 3 CPU minutes each
	@scripts/dist-all

.PHONY: check
check: ## Format, lints (clippy with warnings denied), and all the tests
	@scripts/deps
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	@scripts/test

.PHONY: test
test: ## Run all the tests
	@scripts/test

.PHONY: test-arch
test-arch: ## Boot the release on Linux 5.10, in a QEMU guest without KVM
	@scripts/test-arch

.PHONY: soak
soak: ## Run what is random for long: a million worlds, a minute of fuzzing for each parser
	@scripts/soak

.PHONY: miri
miri: ## Run the unit tests of what only computes under Miri (rustup's nightly)
	@scripts/miri

.PHONY: bench
bench: ## Measure the release: boots, stops, memory, scripts, logs, sizes [PART="boot memory"]
	@scripts/bench $(PART)

.PHONY: docs
docs: ## Build the manual in target/manual
	@scripts/docs

.PHONY: docs-serve
docs-serve: ## Build the manual, and show it at http://localhost:3000
	@scripts/docs serve

.PHONY: demo
demo: ## Boot NGINX and PHP-FPM under sixtree, with Docker if it is there (3 to 10 minutes)
	@scripts/demo
