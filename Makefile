# heal: set-up, build, demo, tests, benchmarks. `make help` lists the targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.PHONY: help setup build heal test mpi mpi-test bench bench-torch clean
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
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' Makefile | expand -t 20
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

mpi: PACKAGES += $(MPI_PACKAGES)
mpi: setup ## build the program for several machines with Open MPI, .build-mpi/release/heal (docs/cluster.md)
	@swift build $(SWIFT_FLAGS) $(MPI_FLAGS) --product heal

mpi-test: mpi ## 1, 2 and 4 ranks on this machine: the same curves, stops, resumes, errors
	@swift build $(SWIFT_FLAGS) --build-tests
	HEAL_MPI="$$PWD/.build-mpi/release/heal" swift test $(SWIFT_FLAGS) --skip-build --disable-xctest --filter MPITests $(ARGS)

bench: build ## run the benchmarks (ARGS=... chooses)
	@.build/release/Benchmarks $(ARGS)

bench-torch: ## the same healing step in PyTorch, in a virtual environment of its own (MODEL=..., ARGS=...)
	@test -x .venv-torch/bin/python || python3 -m venv .venv-torch
	if ! cmp -s Benchmarks/torch/requirements.txt .venv-torch/installed.txt; then
	  .venv-torch/bin/pip install -q --disable-pip-version-check -r Benchmarks/torch/requirements.txt
	  cp Benchmarks/torch/requirements.txt .venv-torch/installed.txt
	fi
	.venv-torch/bin/python Benchmarks/torch/step.py $(if $(MODEL),--model $(MODEL)) $(ARGS)

clean: ## remove what was built; runs and models stay
	@rm -rf .build .build-mpi .venv-torch
