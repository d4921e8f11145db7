# `make test` runs everything that this machine can run. It says what it left out and why, and
# fails for that where CI=true.

.PHONY: test lint docs bench advisories fuzz soak package

test:
	@tests/run

lint:
	@tests/run format clippy licences

docs:
	@tests/run docs

# `make bench BENCH="pipeline --secrets 1000"` measures a part of it, `make bench BENCH=python` the Python package,
# `make bench BENCH=node` the Node package.
bench:
ifndef BENCH
	@cargo bench --package aks-kms-bench --bench preflight
	@cargo bench --package aks-kms-bench --bench embedded
	@cargo bench --package aks-kms-bench --bench list_clusters
	@cargo bench --package aks-kms-bench --bench fleet
endif
ifeq ($(filter python node,$(BENCH)),)
	@cargo bench --package aks-kms-bench --bench reencrypt -- $(BENCH)
endif
ifneq ($(filter python,$(or $(BENCH),python)),)
	@bindings-python/tests/run --bench
endif
ifneq ($(filter node,$(or $(BENCH),node)),)
	@bindings-node/test/run --bench
endif

# Requests that no client sends, to everything the simulator serves; for a minute, or for
# AKS_KMS_FUZZ_SECONDS, new ones each time, or those of AKS_KMS_FUZZ_SEED.
fuzz:
	@tests/run fuzz

# Random sequences of all verbs, crashes, faults and concurrent changes by others: so many of them,
# new ones each time, or those of AKS_KMS_MODEL_SEED. In release, which runs ten times as many at once.
# Before them each kind of request that the library sends, met by each kind of nonsense.
# First of all what every parser of foreign bytes makes of changed documents, each for so many seconds.
SEQUENCES ?= 10000
WORLDS ?= 10000
FLEET_CLUSTERS ?= 200
FUZZ_SECONDS ?= 300
# Then the rules, held against what the simulated service does in so many random worlds, and a fleet of so many clusters
# that is killed at random moments.
soak:
	@AKS_KMS_FUZZ_SECONDS=$(FUZZ_SECONDS) tests/run parsers
	@AKS_KMS_HOSTILE=all cargo test --release --locked --package aks-kms --test hostile -- --nocapture
	@AKS_KMS_MODEL_SEQUENCES=$(SEQUENCES) AKS_KMS_MODEL_SECONDS=86400 \
		AKS_KMS_MODEL_SEED="$${AKS_KMS_MODEL_SEED:-$$(date +%s)}" \
		cargo test --release --locked --package aks-kms --test model random -- --nocapture
	@AKS_KMS_WORLDS=$(WORLDS) AKS_KMS_WORLDS_SECONDS=86400 \
		AKS_KMS_WORLDS_SEED="$${AKS_KMS_WORLDS_SEED:-$$(date +%s)}" \
		cargo test --release --locked --package aks-kms --test second_opinion random -- --nocapture
	@AKS_KMS_FLEET_CLUSTERS=$(FLEET_CLUSTERS) AKS_KMS_FLEET_KILLS=$${AKS_KMS_FLEET_KILLS:-8} \
		AKS_KMS_FLEET_SEED="$${AKS_KMS_FLEET_SEED:-$$(date +%s)}" \
		cargo test --release --locked --package aks-kms --test fleet random -- --nocapture

# Crate, wheel, source and npm packages from a clean clone, each installed in an empty environment and tried there;
# in target/packages. `make package PACKAGES="crate node"` makes some.
package:
	@packaging/run $(PACKAGES)

advisories:
	@tests/run advisories
