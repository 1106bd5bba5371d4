# Kaam: everything that a developer or CI does, by name.
.DEFAULT_GOAL := help
.PHONY: help run test test-hosts test-aws dapr kafka lambda pgbouncer faults check sqlx sqlx-check plans bench bench-baseline asyncapi language-report fuzz
.PHONY: dist reproducible dead-letters replay verify-audit test-api test-web deny sbom audit-heads trim-audit export-user erase-user roles
.PHONY: check-infra deploy static images check-images lambda-functions

# Where cargo puts what it builds; `make CARGO_TARGET_DIR=/elsewhere …` works as well.
CARGO_TARGET_DIR ?= target
export CARGO_TARGET_DIR

help: ## Show this list
	@echo "usage: make TARGET [VARIABLE=value]..."
	@echo
	@sed -n 's/^\([a-z-]*\):.* ## /\1\t/p' $(firstword $(MAKEFILE_LIST)) \
		| while IFS="$$(printf '\t')" read -r name text; do printf '  %-14s %s\n' "$$name" "$$text"; done

run: ## Run everything in one process on a private PostgreSQL, or, with BUS=kafka or BUS=dapr, each function by itself; settings come from the environment
	@infra/local/install $(if $(DATABASE_URL),--without-postgres)
ifeq ($(BUS),)
	@infra/local/build
	@exec "$(CARGO_TARGET_DIR)/release/backend"
else
	@$(if $(filter kafka dapr,$(BUS)),,$(error BUS is "$(BUS)": it must be kafka or dapr, or not be there))
	@$(if $(KAFKA_BROKERS),,infra/local/install-kafka)
	@$(if $(filter dapr,$(BUS)),infra/local/build-daprd)
	@infra/local/build --all
	@exec "$(CARGO_TARGET_DIR)/release/backend" cluster --bus "$(BUS)" --kafka-dir "$$(infra/local/install-kafka --path)" \
		$(if $(filter dapr,$(BUS)),--dapr-dir "$$(dirname "$$(infra/local/build-daprd --path)")" --resources infra/dapr)
endif

test: ## Run all tests on real, throw-away PostgreSQLs; TEST=name runs those whose name contains it
	@infra/local/install
	@[ -x "$$(infra/local/build-daprd --path)" ] || echo "There is no daprd: what needs it is left out. \`make dapr\` builds it."
	@[ -x "$$(infra/local/install-cargo-lambda --path)" ] || echo "There is no cargo-lambda: what needs it is left out. \`make lambda\` installs it."
	@[ -f "$$(infra/local/install-kafka --path)/classpath" ] || echo "There is no Kafka: what needs it is left out. \`make kafka\` installs it."
	@[ -x "$$(infra/local/install-tool --path helm)" ] || echo "There is no Helm: what needs it is left out. \`make check-infra\` builds it."
	@[ -x "$$(infra/local/install-pgbouncer --path)" ] || command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ] \
		|| echo "There is no PgBouncer: what needs it is left out. \`make pgbouncer\` unpacks it."
	cargo build --workspace --bins
	KAAM_BIN_DIR="$(abspath $(CARGO_TARGET_DIR))/debug" cargo test --workspace --no-fail-fast $(if $(TEST),-- '$(TEST)')

test-hosts: ## Run the same scenarios on every host and print a matrix; ONLY=name runs it on one
	@infra/local/install
	@infra/local/install-kafka || echo "There is no Kafka: WORKERS, LAMBDA AND DAPR ARE LEFT OUT."
	@infra/local/install-cargo-lambda || echo "There is no cargo-lambda: LAMBDA IS LEFT OUT."
	@infra/local/build-daprd || echo "There is no daprd: DAPR IS LEFT OUT."
	cargo build --workspace --bins
	KAAM_HOSTS="$(or $(ONLY),1)" KAAM_BIN_DIR="$(abspath $(CARGO_TARGET_DIR))/debug" \
		cargo test --quiet -p tests --test it -- --exact --nocapture \
		hosts::the_same_scenarios_come_out_the_same_on_every_host

test-aws: ## Run the tests of AWS Secrets Manager and of Amazon MSK's sign-in by IAM, which `make test` leaves out: what finds credentials of AWS takes long to build
	cargo test -p runtime --features aws,kafka --lib -- kafka:: secrets::

dapr: ## Build a Dapr sidecar for the tests, once, outside of this clone; takes Go and some minutes
	@infra/local/build-daprd

lambda: ## Install an emulator of AWS Lambda for the tests, once, outside of this clone; takes Python
	@infra/local/install-cargo-lambda

kafka: ## Install a Kafka broker for the tests, once, outside of this clone; takes Java and Maven
	@infra/local/install-kafka

pgbouncer: ## Unpack PgBouncer for the tests, once, outside of this clone; takes Debian's or Ubuntu's packages, and no root
	@infra/local/install-pgbouncer

faults: ## Prove that kills, repeats, poison and a bad mail server lose and double nothing, in numbers; KAAM_SEED=n repeats a run
	@infra/local/install
	cargo build --workspace --bins
	KAAM_FULL=1 KAAM_SEED="$(KAAM_SEED)" KAAM_BIN_DIR="$(abspath $(CARGO_TARGET_DIR))/debug" \
		cargo test --quiet -p tests --test it -- --exact --nocapture \
		faults::faults_of_every_part_lose_nothing_double_nothing_and_hold_nothing_up
	@[ -f "$$(infra/local/install-kafka --path)/classpath" ] || echo "There is no Kafka: what needs it is left out. \`make kafka\` installs it."
	KAAM_FULL=1 KAAM_BIN_DIR="$(abspath $(CARGO_TARGET_DIR))/debug" \
		cargo test --quiet -p tests --test it -- --nocapture --test-threads=1 kafka::killed::

check: ## Check format, lints, documentation, architecture and .sqlx/
	@infra/local/install
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy -p runtime --features aws,kafka --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps
	cargo test --quiet -p tests architecture
	@$(MAKE) --no-print-directory sqlx-check

sqlx: ## Write .sqlx/ anew after a statement in shared/store or a migration has changed
	@infra/local/install
	infra/local/with-postgres infra/local/describe-statements .sqlx

plans: ## Write tests/it/plans/snapshot.txt anew after a statement, an index or PostgreSQL's choice has changed; look at the difference
	@infra/local/install
	KAAM_WRITE_PLANS=1 cargo test --quiet -p tests --test it -- --exact \
		plans::each_statement_is_planned_as_it_was_and_reads_no_table_that_grows_whole

sqlx-check: ## Check that .sqlx/ is what `make sqlx` would write
	@infra/local/install
	infra/local/check-statements

asyncapi: ## Write shared/events/asyncapi.json anew after an event or its type has changed
	cargo run --quiet -p events --example asyncapi > shared/events/asyncapi.json.new
	mv shared/events/asyncapi.json.new shared/events/asyncapi.json

# What is measured in a short run needs no Kafka client, which takes long to build.
bench_always := create-task query-tasks update-task complete-task delete-task
bench_in_full := relay-events write-audit spawn-recurrence backend
bench_shipped := create-task relay-events
# What ONLY names has to be optimised as a whole, in short turns, too.
bench_is_short = $(if $(ONLY),,$(QUICK))

bench: ## Measure what Kaam costs against its goals and tests/load/baseline.json; QUICK=1 takes what that holds, ONLY=create,kafka only those; Kafka after `make kafka`, instructions with valgrind, a peer and a plot with Python
	@infra/local/install
	cargo build --release $(addprefix -p ,$(bench_always))
	@# By themselves: together, those that speak to no Kafka would have its client in them.
	$(if $(bench_is_short),,cargo build --release $(addprefix -p ,$(bench_in_full)))
	cargo build --release -p domain -p language --example next_occurrence --example understanding
ifneq ($(bench_is_short),)
	@# It counts, so that it need not be quick itself, and the tests have built nearly all of it.
	$(bench_settings) cargo test --quiet -p tests --bench load
else
	$(if $(ONLY),,cargo bench --quiet -p language -p domain)
	@# One function of requests and one of Kafka as they are shipped; of the others the release build.
	rm -rf "$(shipped)" && mkdir -p "$(shipped)"
	infra/docker/build-static $(machine) $(bench_shipped) \
		&& cp $(addprefix "$(CARGO_TARGET_DIR)/static/$(machine)"/,$(bench_shipped)) "$(shipped)" \
		|| echo "$(bench_shipped) AS SHIPPED CAN NOT BE BUILT: the release build is measured." >&2
	$(bench_settings) BENCH_PYTHON="$$(infra/local/install-tool bench-python || true)" cargo bench --quiet -p tests --bench load
	@! python="$$(infra/local/install-tool bench-python)" || "$$python" tests/load/plot.py "$(CARGO_TARGET_DIR)/bench/report.json"
endif

machine := $(shell uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
shipped = $(abspath $(CARGO_TARGET_DIR))/bench/shipped
bench_settings = KAAM_BIN_DIR="$(abspath $(CARGO_TARGET_DIR))/release" BENCH_DIR="$(abspath $(CARGO_TARGET_DIR))/bench" \
	SHIPPED_DIR="$(if $(bench_is_short),,$(shipped))" QUICK="$(QUICK)" ONLY="$(ONLY)" BASELINE="$(BASELINE)"

bench-baseline: ## Measure in short, and write what is counted into tests/load/baseline.json
	@$(MAKE) --no-print-directory bench QUICK=1 BASELINE=write

language-report: ## Show how much of each corpus of utterances is understood, by category; KAAM_FAILURES=all lists what is wrong
	cargo run --quiet --release -p language --example report

fuzz: ## Feed random input to what reads what others send, for FUZZ_SECONDS (default 60) each; TARGET=name runs one; needs a nightly Rust
	@infra/local/fuzz "$(or $(FUZZ_SECONDS),60)" $(TARGET)

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

test-api: ## Send some thousand made requests to the API and check every answer against /openapi.json; takes Python 3.11
	@infra/local/install
	@infra/local/install-schemathesis
	cargo build -p backend --bins
	@infra/local/test-api $(ARGS)

test-web: ## Check the page, and drive it in a real Chromium: its story, axe, offline, speed; ONLY=story runs one file; pictures are in target/page
	@infra/local/install
	@infra/local/install-chromium
	cargo build -p backend --bins
	@infra/local/test-web $(ONLY)

deny: ## Check licences, sources, bans and known weaknesses of all that is built in
	@program="$$(infra/local/install-cargo-tool cargo-deny 0.20.2)" && infra/local/deny "$$program"

sbom: ## Write a bill of materials (CycloneDX JSON) of each function into target/sbom
	@program="$$(infra/local/install-cargo-tool cargo-cyclonedx 0.5.9)" && infra/local/sbom "$$program"

dist: ## Build functions as they are shipped, the same bytes in every folder; FUNCTIONS="create-task web", all without it
	@infra/local/build-dist $(or $(FUNCTIONS),$(notdir $(patsubst %/Cargo.toml,%,$(wildcard functions/*/Cargo.toml))))

reproducible: ## Build a function in two folders and compare the bytes; FUNCTION=name, create-task without it; takes some minutes
	@infra/local/reproduce "$(or $(FUNCTION),create-task)"

audit-heads: ## Say where each chain of the audit log ends, to be kept elsewhere; verify-audit compares by ARGS="--heads FILE"
	@infra/local/install $(if $(DATABASE_URL),--without-postgres)
	@infra/local/build
	@exec "$(CARGO_TARGET_DIR)/release/backend" audit-heads

trim-audit: ## Take old entries away from the audit log; ARGS="DAYS --yes", DATA_DIR or DATABASE_URL say where
	@infra/local/install $(if $(DATABASE_URL),--without-postgres)
	@infra/local/build
	@exec "$(CARGO_TARGET_DIR)/release/backend" trim-audit $(ARGS)

export-user: ## Write all that is known of a user as one JSON document; ARGS=USER, DATA_DIR or DATABASE_URL say where
	@infra/local/install $(if $(DATABASE_URL),--without-postgres)
	@infra/local/build
	@exec "$(CARGO_TARGET_DIR)/release/backend" export-user $(ARGS)

erase-user: ## Erase a user; ARGS="USER --yes", DATA_DIR or DATABASE_URL say where
	@infra/local/install $(if $(DATABASE_URL),--without-postgres)
	@infra/local/build
	@exec "$(CARGO_TARGET_DIR)/release/backend" erase-user $(ARGS)

roles: ## Make a database role for each function and grant it what it needs; DATABASE_URL is the owner's
	@infra/local/install $(if $(DATABASE_URL),--without-postgres)
	@infra/local/build
	@exec "$(CARGO_TARGET_DIR)/release/backend" migrate --roles

check-infra: ## Check what is under infra/ against schemas, linters and the code; installs the tools once, with Python and Go
	@infra/local/check-chart
	KAAM_REQUIRE_HELM=1 cargo test --quiet -p tests --test it -- infra::
	@infra/local/check-docker
	@infra/local/check-workflows
	@infra/local/check-aws
	@infra/local/check-observability

deploy: ## Show what PROFILE=data|knative|dapr|backend would change on kubectl's cluster, ask, and do it; OVERLAY=local|production, VALUES=FILE
	@infra/local/deploy "$(PROFILE)" "$(or $(OVERLAY),production)"

static: ## Build every function as a static program for ARCHITECTURES (default "amd64 arm64"); takes Python
	@for architecture in $(or $(ARCHITECTURES),amd64 arm64); do infra/docker/build-static "$$architecture" $(FUNCTIONS) || exit 1; done

images: ## Make an image of each function without a container engine, for ARCHITECTURES; REPOSITORY=HOST/PATH pushes them, BUILT=1 builds none
	@$(foreach name,ARCHITECTURES VERSION REPOSITORY BUILT,$(if $($(name)),$(name)="$($(name))")) infra/docker/images $(FUNCTIONS)

lambda-functions: ## Build every function for AWS Lambda (arm64) into target/lambda, as infra/aws/template.yaml wants it; takes Python
	@infra/aws/build-functions $(FUNCTIONS)

check-images: ## Start each image that is in target/images as nobody in a read-only root: it has to answer, and to be small
	@infra/docker/check-images $(FUNCTIONS)
