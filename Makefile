# The menu. Each goal installs what is missing, builds, and does its job.
.PHONY: help setup build demo test test-fast test-peers wheel test-python bench-convert bench-eval bench-compress \
  bench-serve sanitize-serve check \
  format fuzz requirements ane-model clean
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
PRESET ?= dev
RESULTS = build/$(PRESET)/test-results.xml
LABELS = build/$(PRESET)/test-labels.json
PYTEST_RESULTS = build/python/pytest-results.xml
export PATH := $(PATH):$(HOME)/.cargo/bin

help:
	@echo "make demo          convert the embedded checkpoint, run and evaluate the result"
	@echo "make test          build and run every test"
	@echo "make build         build the program: build/anemone"
	@echo "make test-fast     the tests without the label 'slow'"
	@echo "make test-peers    packages that we write, read by coremltools; shards on Ray; clients of serve (all from PyPI)"
	@echo "make wheel         the Python wheel, in build/python/dist (packages from PyPI)"
	@echo "make test-python   the wheel's tests, with lm-evaluation-harness (from PyPI)"
	@echo "make bench-convert speed and memory of the converter beside a plain copy"
	@echo "make bench-compress speed and error of compression beside coremltools (from PyPI)"
	@echo "make bench-eval    time of an evaluation beside lm-evaluation-harness (from PyPI)"
	@echo "make bench-serve   speed of serve beside llama.cpp's server (from PyPI), and the time to the first token"
	@echo "make sanitize-serve  the server's tests with address, undefined-behaviour and thread sanitizers (long builds)"
	@echo "make check         formatting and module layers"
	@echo "make requirements  which requirements the last test run proves"
	@echo "make ane-model     docs/ane-model.md: published speeds, the fit on them and its errors"
	@echo "make fuzz          one minute of every fuzz target (clang 14)"
	@echo "make format        rewrite the sources with clang-format 14"

setup:
	@scripts/setup

build: setup
	@mkdir -p build
	@cmake --preset release > build/configure.log || { cat build/configure.log; exit 1; }
	@ninja -C build/release -j $(JOBS) anemone_tool
	@ln -sf release/tools/anemone build/anemone

demo: build
	@scripts/demo

test: setup
	@mkdir -p build
	@rm -f $(RESULTS) $(LABELS) build/requirements.txt
	@cmake --preset $(PRESET)
	@ninja -C build/$(PRESET) -j $(JOBS)
	@ctest --test-dir build/$(PRESET) --show-only=json-v1 > $(LABELS)
	@cd build/$(PRESET) && ctest --output-on-failure -j $(JOBS) --output-junit $(CURDIR)/$(RESULTS) $(CTEST_FLAGS)
	@scripts/requirements.py $(RESULTS) $(wildcard $(PYTEST_RESULTS)) > build/requirements.txt && tail -n 12 build/requirements.txt

test-fast:
	@$(MAKE) --no-print-directory test CTEST_FLAGS="-LE slow"

test-peers: setup
	@mkdir -p build
	@cmake --preset $(PRESET)
	@ninja -C build/$(PRESET) -j $(JOBS) peers_rewrite peers_decode anemone_tool
	@PRESET=$(PRESET) scripts/peers/run
	@PRESET=$(PRESET) scripts/peers/ray
	@PRESET=$(PRESET) scripts/peers/serve

wheel: setup
	@scripts/wheel

test-python: build
	@scripts/wheel --test $(PYTEST_FLAGS)

bench-eval: build
	@bench/eval/run.py || [ $$? = 77 ]

bench-convert: build
	@bench/convert/run.py || [ $$? = 77 ]

bench-compress: build
	@mkdir -p build/bench
	@[ -x build/bench/venv/bin/python ] || python3 -m venv build/bench/venv
	@build/bench/venv/bin/pip install -q coremltools==9.0 scikit-learn==1.5.1 || true
	@build/bench/venv/bin/python bench/compress/run.py || [ $$? = 77 ]
	@build/bench/venv/bin/python bench/compress/run.py --shapes || [ $$? = 77 ]

bench-serve: build
	@mkdir -p build/bench
	@[ -x build/bench/serve/bin/python ] || python3 -m venv build/bench/serve
	@build/bench/serve/bin/pip install -q gguf==0.19.0 xllamacpp==2026.10.11549 || true
	@bench/serve/run.py || [ $$? = 77 ]
	@bench/serve/first_token.py

sanitize-serve: setup
	@JOBS=$(JOBS) tests/serve/sanitized

check:
	@scripts/setup --develop
	@scripts/check_format
	@scripts/check_layers.py

requirements:
	@scripts/requirements.py

ane-model: setup
	@cmake --preset $(PRESET) > build/configure.log || { cat build/configure.log; exit 1; }
	@ninja -C build/$(PRESET) -j $(JOBS) write_ane_model
	@build/$(PRESET)/src/ane/calibration/write_ane_model > build/ane-model.md
	@mv build/ane-model.md docs/ane-model.md

fuzz:
	@scripts/setup --develop
	@scripts/fuzz

format:
	@git ls-files '*.h' '*.cpp' '*.mm' | xargs clang-format-14 -i

clean:
	rm -rf build
