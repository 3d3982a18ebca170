# Everything a fresh machine needs: `make demo` and `make test` set themselves up.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test coverage slow lint docs compatibility examples clean

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt "torch==2.13.0"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/python examples/quickstart.py

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# One process per core with one thread each: threads of several processes wait for each other.
# glibc would hand large blocks back to the system after every step of a training; it keeps them.
test: lint
	MPLBACKEND=Agg OMP_NUM_THREADS=1 MALLOC_MMAP_THRESHOLD_=1073741824 \
	MALLOC_TRIM_THRESHOLD_=1073741824 $(BIN)/python -m pytest -n auto $(PYTEST_ARGS)

# What the tests run of the package; those of the `slow` ones and of a GPU not.
coverage: $(STAMP)
	mkdir -p output/coverage
	MPLBACKEND=Agg OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --cov --cov-report=json:output/coverage/coverage.json \
	--cov-report=term $(PYTEST_ARGS)

slow: $(STAMP)
	MPLBACKEND=Agg $(BIN)/python -m pytest -m slow $(PYTEST_ARGS)

# HyperSpy's and eXSpy's own tests, run on the classes of this package.
compatibility: $(STAMP)
	MPLBACKEND=Agg OMP_NUM_THREADS=1 $(BIN)/python tests/compatibility $(PYTEST_ARGS)

docs: $(STAMP)
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

examples: $(STAMP)
	$(BIN)/python examples/quickstart.py
	$(BIN)/python examples/eels_nanocube.py
	$(BIN)/python examples/impedance_circuits.py
	$(BIN)/python examples/strategy_search.py
	$(BIN)/python examples/eels_dag.py
	$(BIN)/python examples/polymers.py --quick
	$(BIN)/python examples/imbalanced_images.py --quick
	for task in examples/tasks/*.py; do MPLBACKEND=Agg $(BIN)/python $$task || exit 1; done

clean:
	rm -rf $(VENV) build dist docs/_build docs/gallery docs/api/generated
