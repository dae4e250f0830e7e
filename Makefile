# make demo   installs and runs the embedded study
# make test   installs and runs the tests
# make soak   runs what takes too long for every day
# make run    brings a study up to date: make run CONFIG=config/mine.yaml
#             several files are one study, the later changing the earlier: CONFIG="config/paper.yaml config/paper-open.yaml"
#             on a cluster: make run CONFIG=config/mine.yaml PROFILE=profiles/slurm
# make slurm  installs slurm where apt-get can, for the tests that start one; as root

PYTHON ?= python3
CORES ?= all
CONFIG ?= config/config.yaml
PROFILE ?=
# TORCH=cuda takes the build that pip chooses, with several gigabytes of CUDA libraries on Linux.
TORCH ?= cpu

VENV := .venv
VERSIONS := envs/versions.txt
TORCH_VERSION := $(patsubst torch==%,%,$(filter torch==%,$(shell cat $(VERSIONS))))
STUDY = $(shell sed -n 's/^study: *//p' $(CONFIG) | tail -n 1)

.PHONY: demo run report test soak check slurm clean

demo: run report
	@echo
	@echo "The study is done. Open results/$(STUDY)/report/index.html"

run: $(VENV)/runtime
	$(VENV)/bin/warmline run --configfile $(CONFIG) --cores $(CORES) $(if $(PROFILE),--profile $(PROFILE))

# Snakemake's own report: every rule, file and run time behind the study.
report: $(VENV)/runtime
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" snakemake --configfile $(CONFIG) --cores 1 \
	--report results/$(STUDY)/report/snakemake.html

test: check
	$(VENV)/bin/pytest

# All tests, where `make test` takes a sample of the long ones; every random edit of the code whose digests are held against
# coverage; every fault of every kind of file, and every rule whose job fails once. Takes hours.
soak: $(VENV)/development
	WARMLINE_EDITS=200 WARMLINE_SOAK=1 $(VENV)/bin/pytest

check: $(VENV)/development
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/snakefmt --check Snakefile rules
	$(VENV)/bin/mypy
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" snakemake --lint

# Their services are not started: the tests bring up a cluster of their own and stop it.
slurm:
	if command -v apt-get > /dev/null && [ "$$(id -u)" = 0 ] && ! command -v slurmctld > /dev/null; then \
	apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
	apt-get install -qq -y --no-install-recommends slurm-wlm munge slurmdbd mariadb-server > /dev/null || \
	echo "slurm could not be installed: the tests that need it are skipped"; fi

# Torch goes first: a CPU build where pip offers one, so that nothing later brings the CUDA build.
$(VENV)/torch: $(VERSIONS)
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	if [ "$(TORCH)" = cpu ]; then $(VENV)/bin/pip install -q "torch==$(TORCH_VERSION)+cpu" || \
	$(VENV)/bin/pip install -q "torch==$(TORCH_VERSION)"; else $(VENV)/bin/pip install -q "torch==$(TORCH_VERSION)"; fi
	touch $@

$(VENV)/runtime: $(VENV)/torch pyproject.toml
	$(VENV)/bin/pip install -q -c $(VERSIONS) -e .
	touch $@

$(VENV)/development: $(VENV)/runtime
	$(VENV)/bin/pip install -q -c $(VERSIONS) -e ".[test]"
	touch $@

clean:
	rm -rf $(VENV) .snakemake results/$(STUDY)
