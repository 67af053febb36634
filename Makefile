# Two commands on a fresh machine: `make demo` and `make test`. CI runs `make test` and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
DATA ?= ../shared/data
RENDERED := build/rendered

.PHONY: help demo test lint unit bundle table clean
help:  ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/runtime: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable '.[onnx]'
	@touch $@

$(VENV)/everything: $(VENV)/runtime
	# The CPU build of torch first: whatever asks for torch later finds it, not gigabytes of CUDA.
	$(PIP) torch==2.13.0
	$(PIP) --editable '.[onnx,openvino,tflite,video,quantize,dev]'
	@touch $@

demo: $(VENV)/runtime  ## tag a rendered 4K shop scene and a clip; pictures go to out/demo
	$(BIN)/edge-tag --table --annotate out/demo --every-s 1 calib_data/demo/belt.mp4 calib_data/demo/shelf.jpg

test: $(VENV)/everything  ## everything that must hold: ruff, mypy, pytest
	$(MAKE) --no-print-directory lint unit

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy edge

unit:
	$(BIN)/python -m pytest

$(RENDERED): $(VENV)/everything
	$(BIN)/python -m calib_data.scenes crops --per-tag 30 --seed 7 --size 224 --out $@/crops
	$(BIN)/python -m calib_data.scenes tiles --count 130 --seed 11 --size 224 --out $@/tiles

bundle: $(RENDERED)  ## train, export, quantise, compare and pack the default bundle; hours
	for stage in label finetune export quantize compare pack; do \
	    $(BIN)/python -m quantize $$stage --data $(DATA) --rendered $(RENDERED) || exit 1; \
	done

table: $(VENV)/everything  ## accuracy, size and milliseconds of the default bundle, as in the README
	$(BIN)/python -m quantize export --data $(DATA)
	$(BIN)/python -m quantize compare --data $(DATA) --bundle edge/bundles/default

clean:  ## forget the environment and what was built
	rm -rf $(VENV) build out
