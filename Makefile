# heal: set-up, build, demo, tests, benchmarks. `make help` lists the targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.PHONY: help setup build heal test fuzz fuzz-asan mpi mpi-test bench bench-torch bench-tokenizers clean
MAKEFLAGS += --no-print-directory

CONFIG ?= configs/stories260k.json
ARGS ?=
MPI_PACKAGES := libopenmpi-dev openmpi-bin
PACKAGES := libopenblas-dev liblapacke-dev libhdf5-dev libdnnl-dev libpcre2-dev zlib1g-dev

# One set of flags for the program and its tests, so that both share one build; tests look into the modules.
SWIFT_FLAGS := -c release -Xswiftc -enable-testing

# The program for several machines has a build of its own.
MPI_FLAGS := --traits MPI --scratch-path .build-mpi

help: ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' Makefile | expand -t 24
	echo
	echo "  CONFIG=configs/x.json and ARGS='--dry-run' go to heal, ARGS='--filter X' to the tests, ARGS to the benchmarks."

setup: ## install the system libraries that are missing (Debian, Ubuntu); nothing to do when all are there
	@if ! command -v swift >/dev/null; then
	  echo "heal needs Swift 6.2 or newer on the PATH: https://www.swift.org/install/linux/" >&2
	  exit 1
	fi
	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	  echo "Not a Debian system. heal needs pkg-config and, with headers and pkg-config files: OpenBLAS (openblas), LAPACKE, HDF5 (hdf5-serial), oneDNN, PCRE2 (libpcre2-8), zlib." >&2
	  exit 0
	fi
	missing=()
	command -v pkg-config >/dev/null || missing+=(pkg-config)
	for package in $(PACKAGES); do
	  status=$$(dpkg-query -W -f='$${db:Status-Abbrev}' "$$package" 2>/dev/null || true)
	  [[ $$status == ii* || $$status == hi* ]] || missing+=("$$package")
	done
	(( $${#missing[@]} )) || exit 0
	echo "Installing $${missing[*]}"
	as_root=()
	if (( EUID != 0 )); then
	  if ! command -v sudo >/dev/null; then
	    echo "These packages are missing and need root. As root: apt-get install $${missing[*]}" >&2
	    exit 1
	  fi
	  as_root=(sudo)
	  [[ -t 0 ]] || as_root+=(-n)
	fi
	install() {
	  $${as_root[@]+"$${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "$${missing[@]}" </dev/null
	}
	# Package lists may be absent (a fresh container) or too old; they are fetched only then.
	if ! install >/dev/null 2>&1; then
	  $${as_root[@]+"$${as_root[@]}"} apt-get update -qq -o DPkg::Lock::Timeout=300 </dev/null
	  install
	fi

build: setup ## build the program, .build/release/heal
	@swift build $(SWIFT_FLAGS)

heal: build ## decompose, heal, evaluate and export the embedded model, or go on where it stopped (CONFIG=..., ARGS=...)
	@.build/release/heal --config $(CONFIG) --resume $(ARGS)

test: setup ## build and run every test; in release, as the numerics are slow in debug
	@swift build $(SWIFT_FLAGS) --build-tests
	swift test $(SWIFT_FLAGS) --skip-build --disable-xctest $(ARGS)

# One suite at a time: the memory that a file takes is measured.
RUNS ?= 200000
fuzz: setup ## give every reader of files RUNS damaged ones (RUNS=200000, SEED=1, ARGS='--filter gguf')
	@swift build $(SWIFT_FLAGS) --build-tests
	HEAL_FUZZ=$(RUNS) HEAL_FUZZ_SEED=$(or $(SEED),1) swift test $(SWIFT_FLAGS) --skip-build --disable-xctest --no-parallel $(or $(ARGS),--filter FuzzTests)

fuzz-asan: RUNS = 5000
fuzz-asan: setup ## the same, built with the address sanitizer (RUNS=5000)
	@swift build $(SWIFT_FLAGS) --sanitize=address --scratch-path .build-asan --build-tests
	HEAL_FUZZ=$(RUNS) HEAL_FUZZ_SEED=$(or $(SEED),1) HEAL_FUZZ_SLOW=1 ASAN_OPTIONS=detect_leaks=0 swift test $(SWIFT_FLAGS) --sanitize=address \
	  --scratch-path .build-asan --skip-build --disable-xctest --no-parallel $(or $(ARGS),--filter FuzzTests)

mpi: PACKAGES += $(MPI_PACKAGES)
mpi: setup ## build the program for several machines with Open MPI, .build-mpi/release/heal (docs/cluster.md)
	@swift build $(SWIFT_FLAGS) $(MPI_FLAGS) --product heal

mpi-test: mpi ## 1, 2 and 4 ranks on this machine: the same curves, stops, resumes, errors
	@swift build $(SWIFT_FLAGS) --build-tests
	HEAL_MPI="$$PWD/.build-mpi/release/heal" swift test $(SWIFT_FLAGS) --skip-build --disable-xctest --filter MPITests $(ARGS)

bench: build ## run the standard set of benchmarks (MODEL=..., COMPARE=Benchmarks/baseline.json, ARGS=...; ARGS also chooses one)
	@.build/release/Benchmarks $(if $(ARGS),$(ARGS),standard) $(if $(MODEL),--model $(MODEL)) $(if $(COMPARE),--compare $(COMPARE))

# Python programs that figures are compared with, each with pinned versions: $(call environment,.venv-x,requirements.txt)
define environment
test -x $(1)/bin/python || python3 -m venv $(1)
if ! cmp -s $(2) $(1)/installed.txt; then
  $(1)/bin/pip install -q --disable-pip-version-check -r $(2)
  cp $(2) $(1)/installed.txt
fi
endef

TORCH_PYTHON ?= .venv-torch/bin/python
TOKENIZERS_PYTHON ?= .venv-tokenizers/bin/python

bench-torch: build ## the healing step against PyTorch, alternating (MODEL=..., ROWS=... packs real rows, ARGS=...)
	@if [[ $(TORCH_PYTHON) == .venv-torch/* ]]; then
	$(call environment,.venv-torch,Benchmarks/torch/requirements.txt)
	fi
	$(TORCH_PYTHON) Benchmarks/torch/compare.py $(if $(MODEL),--model $(MODEL)) $(if $(ROWS),--rows $(ROWS)) $(ARGS)

bench-tokenizers: build ## the tokenizer against the Rust library, alternating (TOKENIZER=directory TEXT=file, ARGS=...)
	@if [[ $(TOKENIZERS_PYTHON) == .venv-tokenizers/* ]]; then
	$(call environment,.venv-tokenizers,Benchmarks/tokenizers/requirements.txt)
	fi
	$(TOKENIZERS_PYTHON) Benchmarks/tokenizers/compare.py $(TOKENIZER) $(TEXT) $(ARGS)

clean: ## remove what was built; runs and models stay
	@rm -rf .build .build-mpi .build-asan .venv-torch .venv-tokenizers
