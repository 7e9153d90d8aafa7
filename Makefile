# `make` alone prints what there is. Every target that needs the virtual environment makes it first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MUSIC ?=
UV_COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command "make requirements"

# What PyTorch brings for CUDA, on machines and from places where it does: it says itself which versions.
WITH_TORCH := torch triton cuda-bindings cuda-pathfinder cuda-toolkit nvidia-cublas nvidia-cuda-cupti nvidia-cuda-nvrtc \
	nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-curand nvidia-cusolver nvidia-cusparse \
	nvidia-cusparselt-cu13 nvidia-nccl-cu13 nvidia-nvjitlink nvidia-nvshmem-cu13 nvidia-nvtx

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev setup-training train-table demo up test fuzz check chaos format schemas requirements bench clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

# The stamps keep a second `make demo` from asking pip anything.
$(VENV)/.run-time: requirements.txt requirements-models.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what needledrop needs into $(VENV) (some minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-models.txt
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.development: $(VENV)/.run-time requirements-dev.txt
	@echo "Installing what tests and checks need into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

# torch alone has no hash: each platform, and each place that offers it, has a file of its own (docs/training.md).
$(VENV)/.training: $(VENV)/.run-time requirements-training.txt requirements-torch.txt
	@echo "Installing what training needs into $(VENV) (PyTorch: some minutes, where its CUDA libraries come along)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-training.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-torch.txt
	@touch $@

setup: $(VENV)/.run-time ## .venv with all that the product needs
setup-dev: $(VENV)/.development ## .venv with what tests and checks need, too
setup-training: $(VENV)/.training ## .venv with what `needledrop train` needs, too

demo: setup ## the whole pipeline on your own machine: make demo [MUSIC=folder]
	@$(BIN)/needledrop demo $(if $(MUSIC),"$(MUSIC)")

up: setup ## broker, Redis and all workers until Ctrl-C: make up [MUSIC=folder]
	@$(BIN)/needledrop up $(if $(MUSIC),"$(MUSIC)")

BOUNDED := $(if $(shell command -v timeout),timeout 900)
# Two files at a time where nothing waits for a broker; the others need a small machine for themselves.
SIDE_BY_SIDE := -n 2 --dist loadfile tests/unit tests/contract
ONE_BY_ONE := tests/broker tests/browser tests/embedded tests/end_to_end
# Without PyTorch the tests of training are skipped and say so: a slow download may cost them, never the others.
test: setup-dev ## all tests; with KAFKA_HOME also those on a real broker
	@$(BOUNDED) $(MAKE) --silent setup-training || echo "PyTorch could not be installed: tests that need it are skipped"
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE)
	@$(BIN)/python -m pytest $(ONE_BY_ONE)

fuzz: setup-dev ## spoiled audio, events, URIs and headers: make fuzz [INPUTS=12000] [SEED=1]
	@NEEDLEDROP_TEST_FUZZ_INPUTS=$(or $(INPUTS),12000) NEEDLEDROP_TEST_FUZZ_SEED=$(or $(SEED),1) \
		$(BIN)/python -m pytest -q tests/end_to_end/fuzz/test_fuzz_handlers.py

check: setup-dev ## formatting, lint, types, import layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: setup-dev ## the measured claims (some need KAFKA_HOME and MUSIC=folder)
	@$(BIN)/python -m benchmarks.ensemble $(if $(MUSIC),--clips "$(MUSIC)")
	@$(BIN)/python -m benchmarks.features
	@$(if $(MUSIC),$(BIN)/python -m benchmarks.memory --music "$(MUSIC)",echo "memory: name some music, make bench MUSIC=folder")

chaos: setup-dev ## kill everything, again and again (KAFKA_HOME; MUSIC=folder; SEED=n): nothing lost, nothing twice
	@$(BIN)/python -m tests.broker.chaos $(if $(MUSIC),--music "$(MUSIC)") $(if $(SEED),--seed $(SEED))
	@NEEDLEDROP_TEST_LONG=1 $(BIN)/python -m pytest -q tests/broker/catalog tests/embedded/catalog/test_openapi.py
	@NEEDLEDROP_TEST_KILLS=100 $(BIN)/python -m pytest -q -s tests/broker/stream/test_inside_transactions.py
	@NEEDLEDROP_TEST_RACES=1000 $(BIN)/python -m pytest -q "tests/end_to_end/test_failures.py" -k "overtook and kafka"

.PHONY: bench-pipeline
bench-pipeline: setup-dev ## the whole pipeline on a real Kafka, beside others (KAFKA_HOME, MUSIC=folder; half an hour)
	@$(BIN)/python -m benchmarks.throughput --music "$(MUSIC)"
	@$(BIN)/python -m benchmarks.music4all
	@$(BIN)/python -m benchmarks.latency --music "$(MUSIC)"
	@$(BIN)/python -m benchmarks.growth --music "$(MUSIC)"
	@$(BIN)/python -m benchmarks.table --write

.PHONY: ops-test
ops-test: setup-dev ## dashboards and alerts at work: a real Prometheus, a real Kafka (KAFKA_HOME), accidents (4 minutes)
	@$(BIN)/python -m pytest -q tests/contract/test_alerts.py tests/contract/test_prometheus_configuration.py \
		tests/contract/test_shortened_rules.py tests/contract/test_dashboards.py
	@NEEDLEDROP_TEST_LONG=1 $(BIN)/python -m pytest -q -s tests/broker/test_operations.py

format: setup-dev ## let ruff format and fix
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

schemas: setup-dev ## JSON Schemas, AsyncAPI document, tables of settings and metrics, rules for Kubernetes, dashboards
	@$(BIN)/python -m schemas.documents
	@$(BIN)/python -m shared.settings.documents
	@$(BIN)/python -m shared.metrics.documents
	@$(BIN)/python deploy/kubernetes/monitoring/generate.py
	@$(BIN)/python -m deploy.grafana.generate

# Resumable; DATA is anything that `needledrop data check` reads.
train-table: setup-training ## four losses by two seeds and a narrow network, compared: make train-table DATA=folder OUT=folder
	@test -n "$(DATA)" -a -n "$(OUT)" || { echo "make train-table DATA=folder OUT=folder"; exit 2; }
	$(BIN)/needledrop data prepare "$(DATA)" --out "$(OUT)/prepared"
	$(BIN)/needledrop train run "$(OUT)/prepared" --out "$(OUT)/heads" --losses bce,focal,cb,db --seeds 2 --network heads --mixup 1
	$(BIN)/needledrop train run "$(OUT)/prepared" --out "$(OUT)/narrow" --losses bce --seeds 1 --network short-chunk --width 16 --mixup 1
	$(BIN)/needledrop train compare "$(OUT)/heads" "$(OUT)/narrow"

requirements: ## pin every dependency again, with hashes
	@$(BIN)/python -m pip install --quiet uv
	@$(UV_COMPILE) pyproject.toml --extra install -o requirements.txt
	@$(UV_COMPILE) pyproject.toml --extra install --extra tracing -c requirements.txt -o requirements-tracing.txt
	@$(UV_COMPILE) pyproject.toml --extra install --extra plots --extra tracing --extra dev -c requirements.txt -o requirements-dev.txt
	@$(UV_COMPILE) pyproject.toml --extra install --extra training -c requirements-dev.txt $(addprefix --no-emit-package ,$(WITH_TORCH)) -o requirements-training.txt

clean: ## remove what was built here
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
