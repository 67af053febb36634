# Two commands on a fresh machine: `make demo` and `make test`. CI runs `make test` and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
DATA ?= ../shared/data
RENDERED := build/rendered
TAGGER := --teacher tflite --checkpoint $(DATA)/teachers/mobilenet_edgetpu_224_1.0_uint8.tflite \
    --tag-list build/pictures/teacher-tags.txt --only build/pictures/tags.txt
WORKSHOP := $(BIN)/edge-quantize
SETS := $(BIN)/python -m quantize.pictures.shared $(DATA) --rendered $(RENDERED)
STOCK := $(DATA)/teachers/tf2_mobilenet_v2_1.0_224_ptq.tflite
LABELLED := --images build/pictures --labels build/soft

.PHONY: help demo picture live-picture test cameras lint unit unit-runtime unit-workshop test-slow bundle \
    attributes int8 glance bundle-report bench-a bench-b bench-c bench-d bench-e bench-f arm cuda bench-footage bench-gallery bench-fashion bench-length \
    bench-length-photos soak costs virtual rehearsal oldest clean
help:  ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/runtime: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable '.[onnx]'
	@touch $@

$(VENV)/everything: $(VENV)/runtime
	# The CPU build of torch first: whatever asks for torch later finds it, not gigabytes of CUDA.
	$(PIP) torch==2.13.0
	$(PIP) --editable '.[onnx,openvino,tflite,video,mqtt,health,signing,quantize,dev]'
	@touch $@

demo: $(VENV)/runtime  ## tag a rendered 4K shop scene and a clip; pictures go to out/demo
	$(BIN)/edge-tag --table --annotate out/demo --explain out/demo --every-s 1 \
	    calib_data/demo/belt.mp4 calib_data/demo/shelf.jpg

SMALLER := import cv2; p = cv2.imread("out/why/shelf.why.jpg"); \
    cv2.imwrite("calib_data/demo/shelf.why.jpg", cv2.resize(p, None, fx=0.75, fy=0.75, \
    interpolation=cv2.INTER_AREA), [cv2.IMWRITE_JPEG_QUALITY, 80])
picture: $(VENV)/runtime  ## the README's explained shelf, drawn again; on a quiet machine
	$(BIN)/edge-tag --threads 1 --budget-ms 60 --explain out/why calib_data/demo/shelf.jpg
	$(BIN)/python -c '$(SMALLER)'

live-picture: $(VENV)/runtime  ## the README's live page, drawn again; it needs chromium
	$(BIN)/python -m tests.live_picture

test: $(VENV)/everything  ## everything that must hold: ruff, mypy, pytest
	$(MAKE) --no-print-directory lint unit

cameras:  ## what the fault tests of cameras need of Debian: GStreamer and its RTSP server (180 MB)
	apt-get update -q && apt-get install -y -q --no-install-recommends gstreamer1.0-tools \
	    gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly \
	    gir1.2-gst-rtsp-server-1.0 python3-gi

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy edge

# Side by side: the one waits for processes and cameras while the other computes.
unit:
	$(MAKE) --no-print-directory -j2 unit-runtime unit-workshop

unit-runtime:
	$(BIN)/python -m pytest --ignore tests/workshop

unit-workshop:
	$(BIN)/python -m pytest tests/workshop

test-slow: $(VENV)/everything  ## what takes too long for CI: full-size networks, several processes
	$(BIN)/python -m pytest -m slow

OLDEST := build/oldest
EXTRAS := onnx openvino tflite video mqtt health signing
oldest: $(VENV)/runtime  ## the runtime's tests with the oldest versions that pyproject.toml allows; ten minutes
	$(PYTHON) -m venv $(OLDEST)
	$(BIN)/python -m tests.oldest $(EXTRAS) > $(OLDEST)/pins.txt
	$(OLDEST)/bin/python -m pip install --quiet --constraint $(OLDEST)/pins.txt \
	    --editable ".[$$(echo $(EXTRAS) dev | tr ' ' ,)]"
	$(OLDEST)/bin/python -m pytest tests/unit tests/contract tests/hostile

build/pictures: $(VENV)/everything
	$(BIN)/python -m calib_data.scenes crops --per-tag 30 --seed 7 --size 224 --out $(RENDERED)/crops
	$(BIN)/python -m calib_data.scenes tiles --count 130 --seed 11 --size 224 --out $(RENDERED)/tiles
	$(BIN)/python -m quantize.pictures.pasted $(DATA) --scenes 400 --seed 5 --out $(RENDERED)/pasted
	$(BIN)/python -m quantize.pictures.brands $(DATA)/photos --marks 700 --out build/brands
	$(SETS) --more --brands build/brands --out build/lessons
	$(SETS) --more --out build/more
	$(SETS) --out $@

# A first student and a larger network learn; together they answer better than either, and teach the first
# one again on the very views that it sees, twice. After each time the mean of before and after goes on. Then,
# best on a GPU (seven minutes of an H100), both learn for longer: the larger one from
# labels, and the student from it and from itself. Teachers that are asked of everything make a student slow to
# say "none of these"; its heads alone learn that again, and meet a discriminant. That is the proof: held-out
# pictures say how good it is. What ships learns from some of those too, and from brand marks; build/more holds
# what is left to tell whether something went wrong.
TAUGHT := --student mobilenet_v2 --teachers build/large build/first --warm-up 100
AGAIN := $(LABELLED) $(TAUGHT) --first-side 160 --lr 4e-4
LONGER := --batch 256 --first-side 160 --side 224 --warm-up 80
FURTHER := --batch 256 --first-side 192 --side 224 --warm-up 50 --epochs 5
LARGER := --student efficientnet_lite2
HEADS := --student mobilenet_v2 --frozen 99 --none-weight 1 --first-side 224 --side 224 --batch 64 --lr 4e-4 \
    --warm-up 30 --epochs 2
bundle: build/pictures  ## train, export, quantise, compare and pack the default bundle; hours
	$(WORKSHOP) label $(TAGGER) --images build/lessons --out build/soft
	$(WORKSHOP) finetune $(LABELLED) --student mobilenet_v2 --start $(STOCK) --epochs 13 --out build/first
	$(WORKSHOP) finetune --images build/pictures $(LARGER) --epochs 7 --warm-up 150 --out build/large
	$(WORKSHOP) finetune $(AGAIN) --start build/first --epochs 6 --out build/taught
	$(WORKSHOP) average --students build/first build/taught --out build/mean
	$(WORKSHOP) finetune $(AGAIN) --start build/mean --epochs 7 --out build/again
	$(WORKSHOP) average --students build/mean build/again --out build/begun
	$(WORKSHOP) finetune --images build/pictures $(LARGER) --start build/large $(LONGER) --lr 1.1e-3 \
	    --epochs 20 --out build/larger
	$(WORKSHOP) finetune $(LABELLED) --student mobilenet_v2 --start build/begun $(LONGER) --lr 1.4e-3 \
	    --teachers build/larger build/begun --epochs 29 --out build/longer
	$(WORKSHOP) finetune $(LABELLED) $(HEADS) --start build/longer --out build/proof-heads
	$(WORKSHOP) refit --student build/proof-heads --images build/pictures --out build/proof
	$(WORKSHOP) finetune --images build/more $(LARGER) --start build/larger $(FURTHER) --lr 4e-4 \
	    --out build/largest
	$(WORKSHOP) finetune --images build/lessons --labels build/soft --student mobilenet_v2 \
	    --start build/longer --teachers build/largest $(FURTHER) --lr 7e-4 --out build/further
	$(WORKSHOP) finetune --images build/more --labels build/soft $(HEADS) --start build/further \
	    --out build/heads
	$(WORKSHOP) refit --student build/heads --images build/more --out build/student
	$(MAKE) --no-print-directory int8 FROM=build/proof TO=build/proven ON=build/pictures
	$(MAKE) --no-print-directory int8 FROM=build/student TO=build ON=build/more
	$(MAKE) --no-print-directory glance FROM=build/proof
	$(WORKSHOP) outline --grounds $(DATA)/photos $(DATA)/clothing --fish $(DATA)/fish --out build/outline
	$(WORKSHOP) quantize-outline --outline build/outline --out build/outline-int8
	$(MAKE) --no-print-directory attributes FROM=build/student PROOF=build/proof TO=build/attributes
	$(WORKSHOP) pack --int8 build/int8 --report build/report --proof build/proven/report \
	    --images build/pictures --labels build/soft --glance build/glance-int8 --outline build/outline-int8 \
	    --attributes build/attributes --name edge-tag-default --out edge/bundles/default

rehearsal: $(VENV)/everything  ## every command of `bundle` at small size, in build/rehearsal; an hour, goes on when stopped
	$(BIN)/python -m tests.rehearsal build/rehearsal $(DATA)

GARMENTS := $(BIN)/python -m quantize.pictures.shared $(DATA)
attributes: $(VENV)/everything  ## what garments have: of FROM=STUDENT those that PROOF=STUDENT has shown; minutes
	$(GARMENTS) --out build/garments
	$(GARMENTS) --more --out build/more-garments
	$(WORKSHOP) attributes --student $(or $(PROOF),quantize/weights/proof) --images build/garments \
	    --out build/attributes-proof
	$(WORKSHOP) attributes --student $(or $(FROM),quantize/weights/default) --images build/more-garments \
	    --proof build/attributes-proof --out $(or $(TO),build/attributes)

int8:
	$(WORKSHOP) export --student $(FROM) --images $(ON) --out $(TO)/float
	$(WORKSHOP) quantize --float $(TO)/float --images $(ON) --pictures 600 $(GATE) --out $(TO)/int8
	$(WORKSHOP) compare --float $(TO)/float --int8 $(TO)/int8 --images $(ON) --labels build/soft \
	    --out $(TO)/report

glance: build/pictures  ## where to look closer: from FROM=STUDENT to TO=build, with its int8; an hour
	$(WORKSHOP) glance --student $(or $(FROM),quantize/weights/proof) --images build/pictures \
	    --canvases $(DATA)/photos --frames 6000 --epochs 12 --tune 5 --out $(or $(TO),build)/glance
	$(WORKSHOP) quantize-glance --glance $(or $(TO),build)/glance --out $(or $(TO),build)/glance-int8

bundle-report: build/pictures  ## the README's tables of accuracy, from the weights in git; ten minutes
	$(WORKSHOP) label $(TAGGER) --images build/lessons --out build/soft
	# A report tells how slow int8 is on this processor; only a bundle is refused for it.
	$(MAKE) --no-print-directory int8 FROM=quantize/weights/proof TO=build/again ON=build/pictures \
	    GATE='--gate-slowdown 2'
	$(BIN)/python -m benchmarks.readme build/again/report/report.json
	$(WORKSHOP) compare --float build/again/float --int8 build/again/int8 --images build/more \
	    --labels build/soft --out build/again/more
	$(WORKSHOP) export --student quantize/weights/default --images build/more --out build/ships/float
	$(WORKSHOP) compare --float build/ships/float --bundle edge/bundles/default --images build/more \
	    --labels build/soft --out build/ships/report

$(VENV)/bench: $(VENV)/runtime
	$(PIP) --editable '.[onnx,video,bench]'
	@touch $@

bench-a: $(VENV)/bench  ## detail found against compute, beside SAHI and others; tens of minutes
	$(BIN)/python -m benchmarks.bench_a

bench-b: $(VENV)/bench  ## how much of a frame's time is the engine's, beside SAHI and others; minutes
	$(BIN)/python -m benchmarks.bench_b

bench-c: $(VENV)/bench  ## steady video, quiet and with others at work; most of an hour
	$(BIN)/python -m benchmarks.bench_c

bench-e: $(VENV)/bench  ## cold start, memory and size, beside the bare engine; minutes
	$(BIN)/python -m benchmarks.bench_e

bench-f: $(VENV)/bench  ## several cameras on one virtual device, beside other rules; minutes
	$(BIN)/python -m benchmarks.bench_f

arm: $(VENV)/everything  ## the runtime on an emulated 64-bit Arm, beside this machine; minutes
	$(BIN)/python -m devices.emulated_arm

cuda: $(VENV)/everything  ## a GPU's answers against the CPU's, where there is a GPU
	$(BIN)/python -m devices.check_cuda
$(VENV)/engines: $(VENV)/bench
	$(PIP) --editable '.[onnx,openvino,tflite,bench]'
	@touch $@

bench-d: $(VENV)/engines  ## our engines beside their own benchmark tools; half an hour
	$(BIN)/python -m benchmarks.bench_d

bench-gallery: $(VENV)/bench  ## brands enrolled with a few pictures, found again; minutes
	$(BIN)/python -m benchmarks.gallery

bench-fashion: $(VENV)/everything  ## attributes and colours of garments, and their picture; minutes
	$(BIN)/python -m benchmarks.fashion --data $(DATA)
	$(BIN)/python -m benchmarks.fashion_picture

bench-length: $(VENV)/runtime  ## how well rendered fish are measured, by how they lie; minutes
	$(BIN)/python -m benchmarks.length

bench-length-photos: $(VENV)/everything  ## the same on photographs of $(DATA); minutes
	$(BIN)/python -m benchmarks.length_photos $(DATA) --frames 20

costs: $(VENV)/everything  ## what networks cost, fitted again; how far predictions of time are off
	$(WORKSHOP) cost

virtual: $(VENV)/runtime  ## the README's table of boards that are not here; minutes
	$(BIN)/python -m benchmarks.virtual

bench-footage: $(VENV)/bench  ## street photos and clips; minutes
	$(BIN)/python -m benchmarks.real_footage

soak: $(VENV)/everything  ## does memory grow? 200,000 frames and 5,000, with every sink; an hour, Ctrl-C keeps what was seen
	$(BIN)/python -m benchmarks.soak

clean:  ## forget the environment and what was built
	rm -rf $(VENV) build out
