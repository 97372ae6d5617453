# All tasks of developers and CI. `make` without a target lists them.

TOOL  := go tool -modfile=.ci/tools.mod
DIST  ?= dist
POLICY ?= docs/policy.example.yaml
PACKAGE ?=
MUTATE ?=
MEASURE ?=
EVENT ?= timer
INVOKE ?=
CHAOS ?=
TAGS ?=

# -race needs a C compiler; without one .ci/install reports it and the tests run without -race. SQLite is translated C
# code; with race detection it would take most of the time of the tests, so it is excluded.
RACE = $$("$$(go env CC)" -E -include stdlib.h - </dev/null >/dev/null 2>&1 && \
	echo -race -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false)

# Tests put their databases into temporary folders. In memory, a database does not wait for the disk, which on a busy
# machine takes seconds. What the go command builds stays on the disk.
IN_MEMORY = $$(folder=/dev/shm; probe=$$folder/backup-portal-test-$$$$; \
	cp /bin/true $$probe 2>/dev/null && $$probe 2>/dev/null && echo GOTMPDIR=$${TMPDIR:-/tmp} TMPDIR=$$folder; rm -f $$probe)

TIMED = ./function/backup ./function/chaos ./function/e2e ./function/store

# Packages that start no goroutines run without -race, which makes them ten times slower.
SEQUENTIAL = ./function ./function/param ./function/policy ./function/webhook ./templates

.DEFAULT_GOAL := help
.PHONY: help run dev invoke clients check static test chaos generate mutate bench measure dist deploy clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## portal, emulator and demo policy on http://localhost:9000
	go run ./function/cmd/local

dev: ## the same, started again when a template or Go file changes
	$(TOOL) templ generate --watch --proxy=http://localhost:9000 --cmd='go run ./function/cmd/local'

invoke: ## one event in the built program, without Docker: EVENT=timer or a file; INVOKE='-times 2 -v' for flags
	@built=$$(mktemp -d) && trap 'rm -rf "$$built"' EXIT && \
		CGO_ENABLED=0 go build -trimpath -tags lambda.norpc -o "$$built/main" ./function && \
		go run ./function/cmd/invoke -program "$$built/main" $(INVOKE) '$(EVENT)'

clients: # install the npm packages of the tests, in the versions of the lock files
	@if command -v npm >/dev/null; then for folder in .ci .ci/emulator-clients .ci/openapi .ci/signin; do \
		npm ci --prefix $$folder --no-audit --no-fund --ignore-scripts --loglevel=error || exit 1; done; fi

check: static ## fast checks: format, vet, staticcheck, generated files, tests that do not wait
	go test -short ./...
	@# The result of go list is not part of the test cache's key, so this test must not be cached.
	go test -count=1 -run Import ./function

static: # check without tests
	@unformatted=$$("$$(go env GOROOT)/bin/gofmt" -l .) && test -z "$$unformatted" || \
		{ echo "not formatted, run gofmt -w on: $$unformatted" >&2; exit 1; }
	go vet ./...
	@# Files that only the build for function/chaos has.
	go vet -tags chaosclock ./function/app ./function/backup ./function/store ./function/chaos/control
	$(TOOL) staticcheck ./...
	$(TOOL) templ generate -check
	$(TOOL) templ fmt -fail templates
	$(TOOL) actionlint -shellcheck= -pyflakes= web/gates/github-actions.yml

test: ## all checks of CI; installs missing tools
	@.ci/install
	$(MAKE) clients static
	@# The timeout only ends a test that hangs. It is many times what a busy machine needs.
	@# The tests of TIMED start processes and databases that have time limits, and wait for most of the time. So they run
	@# first, and the others, at a lower priority, use what is left of the processors. The priority is only a little lower,
	@# so that they get a share of a machine that other programs use too.
	@# What both need is compiled before, since otherwise both would compile it.
	go build $(RACE) ./...
	@# static has run go vet already.
	@(env $(IN_MEMORY) nice -n 4 go test -vet=off $(RACE) -p 2 -count=1 -timeout 30m \
			$$(go list ./... | grep -vxF "$$(go list $(TIMED) $(SEQUENTIAL))"); raced=$$?; \
		env $(IN_MEMORY) nice -n 4 go test -vet=off -p 2 -count=1 -timeout 30m $(SEQUENTIAL) && exit $$raced) & others=$$!; \
		env $(IN_MEMORY) go test -vet=off $(RACE) -p 4 -count=1 -timeout 30m $(TIMED); timed=$$?; wait $$others && exit $$timed
	@# The export of traces is only in the build with the tag otel.
	go vet -tags otel ./function/otlp ./function/app
	go test -tags otel -count=1 -run OTLP ./function/app | awk '{ print } /no tests to run|^FAIL/ { bad = 1 } END { exit bad }'
	@# Under the race detector this test makes only a fifth of its submissions, so it runs again without it.
	@# go test succeeds if -run matches no test. That would mean that the test has another name now.
	go test -count=1 -run SessionsAreCached ./function/aliyun | awk '{ print } /no tests to run|^FAIL/ { bad = 1 } END { exit bad }'
	@# The browser checks mostly wait for jobs, so the other modules run at the same time, at a lower priority.
	@(cd .ci/checks && go vet ./... && go test -vet=off -count=1 -timeout 30m ./...) & checks=$$!; failed=; \
		for folder in openapi-clients clients alerts sam measure; do \
			(cd .ci/$$folder && nice -n 4 go vet ./... && nice -n 4 go test -vet=off -count=1 -timeout 30m ./...) || failed="$$failed $$folder"; \
		done; (cd .ci/mutate && nice -n 4 go vet ./... && nice -n 4 go test -vet=off -short ./...) || failed="$$failed mutate"; \
		wait $$checks && test -z "$$failed" || { echo "make test: failed:$$failed" >&2; exit 1; }
	@echo; echo 'make test: all passed'; .ci/install --missing | sed 's/^/  left out: /'

chaos: ## random incidents against real processes, at most 40 minutes; CHAOS='-chaos.seed 7' for flags
	env $(IN_MEMORY) go test -count=1 -timeout 1h -v -run Schedules ./function/chaos -args \
		-chaos.guards -chaos.time 20m -chaos.schedules 240 -chaos.parallel 6 $(CHAOS)

generate: ## write generated files again
	$(TOOL) templ generate
	go test ./web -run 'OpenAPI|GatesHold|ReferenceOf' -update
	go test ./function ./function/aliyun -run ReferenceOf -update
	go test ./function/policy -run SchemaIsCurrent -update

mutate: ## mutation test of PACKAGE=function/policy; flags by MUTATE='-sample 50'
	@test -n '$(PACKAGE)' || { echo 'name a package: make mutate PACKAGE=function/policy' >&2; exit 1; }
	go run -C .ci/mutate . $(MUTATE) '$(PACKAGE)'

bench: ## benchmarks
	go test -run '^$$' -bench . -benchmem ./...

measure: dist ## dist/main beside simple programs, as a table of ratios; MEASURE='-pairs 5' for flags
	go run -C .ci/measure . $(MEASURE)

dist: ## dist/main for linux/amd64, and dist/policy.yaml from POLICY=path; TAGS=otel exports traces
	CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -trimpath -tags 'lambda.norpc$(TAGS:%=,%)' -ldflags='-s -w' -o '$(DIST)/main' ./function
	@install -m 644 '$(POLICY)' '$(DIST)/policy.yaml' && echo "$(DIST)/policy.yaml is a copy of $(POLICY)"
	@stray=$$(ls -A '$(DIST)' | grep -vx -e main -e policy.yaml); test -z "$$stray" || \
		{ echo "$(DIST) contains other files, which would be deployed too; remove them: $$stray" >&2; exit 1; }

deploy: dist ## send dist to Function Compute: s deploy, POLICY=path as for dist
	POLICY='$(POLICY)' s deploy

clean: ## remove what was built
	rm -rf dist coverage coverage.out coverage.html coverage.txt
