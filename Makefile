# `make test` runs everything that this machine can run. It says what it left out and why, and
# fails for that where CI=true.

.PHONY: test lint docs bench advisories

test:
	@tests/run

lint:
	@tests/run format clippy licences

docs:
	@tests/run docs

bench:
	@cargo bench --package aks-kms --bench reencrypt

advisories:
	@tests/run advisories
