# Kaam: everything that a developer or CI does, by name.
.DEFAULT_GOAL := help
.PHONY: help run test dapr faults check sqlx sqlx-check bench language-report fuzz dead-letters replay verify-audit

# Where cargo puts what it builds; `make CARGO_TARGET_DIR=/elsewhere …` works as well.
CARGO_TARGET_DIR ?= target
export CARGO_TARGET_DIR

help: ## Show this list
	@echo "usage: make TARGET [VARIABLE=value]..."
	@echo
	@sed -n 's/^\([a-z-]*\):.* ## /\1\t/p' $(firstword $(MAKEFILE_LIST)) \
		| while IFS="$$(printf '\t')" read -r name text; do printf '  %-14s %s\n' "$$name" "$$text"; done

run: ## Run everything in one process on a private PostgreSQL; settings such as PORT come from the environment
	@infra/local/install $(if $(DATABASE_URL),--without-postgres)
	@infra/local/build
	@exec "$(CARGO_TARGET_DIR)/release/backend"

test: ## Run all tests on real, throw-away PostgreSQLs; TEST=name runs those whose name contains it
	@infra/local/install
	@[ -x "$$(infra/local/build-daprd --path)" ] || echo "There is no daprd: what needs it is left out. \`make dapr\` builds it."
	cargo build --workspace --bins
	KAAM_BIN_DIR="$(abspath $(CARGO_TARGET_DIR))/debug" cargo test --workspace --no-fail-fast $(if $(TEST),-- '$(TEST)')

dapr: ## Build a Dapr sidecar for the tests, once, outside of this clone; takes Go and some minutes
	@infra/local/build-daprd

faults: ## Prove that kills, repeats and a bad mail server lose and double nothing, in numbers; KAAM_SEED=n repeats a run
	@infra/local/install
	cargo build --workspace --bins
	KAAM_FULL=1 KAAM_SEED="$(KAAM_SEED)" KAAM_BIN_DIR="$(abspath $(CARGO_TARGET_DIR))/debug" \
		cargo test --quiet -p tests --test it -- --exact --nocapture \
		faults::faults_of_every_part_lose_nothing_double_nothing_and_hold_nothing_up

check: ## Check format, lints, documentation, architecture and .sqlx/
	@infra/local/install
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps
	cargo test --quiet -p tests architecture
	@$(MAKE) --no-print-directory sqlx-check

sqlx: ## Write .sqlx/ anew after a statement in shared/store or a migration has changed
	@infra/local/install
	infra/local/with-postgres infra/local/describe-statements .sqlx

sqlx-check: ## Check that .sqlx/ is what `make sqlx` would write
	@infra/local/install
	infra/local/check-statements

bench: ## Measure understanding, repeating, and creating tasks against pgbench; QUICK=1 is shorter, SYNC=off leaves the disk out
	@infra/local/install
	cargo build --release -p create-task
	cargo bench --quiet -p language -p domain
	KAAM_BIN_DIR="$(abspath $(CARGO_TARGET_DIR))/release" cargo bench --quiet -p tests --bench create

language-report: ## Show how much of each corpus of utterances is understood, by category; KAAM_FAILURES=all lists what is wrong
	cargo run --quiet --release -p language --example report

fuzz: ## Feed random texts to the parser for FUZZ_SECONDS (default 60); needs a nightly Rust
	@program="$$(infra/local/install-cargo-fuzz)" && cd shared/language && \
		env -u CARGO_TARGET_DIR RUSTUP_TOOLCHAIN=nightly "$$program" fuzz run parse -- \
		-max_total_time="$(or $(FUZZ_SECONDS),60)" -max_len=20000

dead-letters: ## List the events that could not be handled; DATA_DIR or DATABASE_URL say where
	@infra/local/install $(if $(DATABASE_URL),--without-postgres)
	@infra/local/build
	@exec "$(CARGO_TARGET_DIR)/release/backend" dead-letters

replay: ## Deliver parked events again; ARGS are the command's, DATA_DIR or DATABASE_URL say where
	@infra/local/install $(if $(DATABASE_URL),--without-postgres)
	@infra/local/build
	@exec "$(CARGO_TARGET_DIR)/release/backend" replay $(ARGS)

verify-audit: ## Check that nobody has changed the audit log; ARGS are the command's, DATA_DIR or DATABASE_URL say where
	@infra/local/install $(if $(DATABASE_URL),--without-postgres)
	@infra/local/build
	@exec "$(CARGO_TARGET_DIR)/release/backend" verify-audit $(ARGS)
