# Everything is relative, so that a checkout whose path has spaces works. GNU make 4, POSIX sh.
# `make run` and `make test` set up what they need, may be interrupted, and are mended by calling them again.

SHELL := /bin/sh
.SHELLFLAGS := -eu -c
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test lint bench drills lock clean translations browser

PYTHONS := python3 python3.13 python3.12 python3.11
PYTHON := .venv/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check
PYTEST := $(PYTHON) -m pytest
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	--no-emit-index-url --no-emit-find-links pyproject.toml

# What must be covered to the last branch, and the tests that alone have to do it.
PURE := tenants.scoring tenants.scope tenants.reporting.workflow
PURE_TESTS := tests/tenants/scoring tests/tenants/test_scope.py tests/tenants/reporting/test_workflow.py

# The environment is whole: nothing was killed while it was being filled, and it was made for this very path
# (scripts and the editable install name it, and a copied checkout must not run the code of the first).
WHOLE := [ ! -e .venv/filling ] && grep -qsF "$$(pwd -P)/.venv/" .venv/bin/pip && $(PYTHON) -c 'import pip' 2>/dev/null
ifneq ($(wildcard .venv/*-done),)
$(shell $(WHOLE) || rm -f .venv/*-done)
endif

# Fill the environment. `filling` stays behind when this is killed, but not when pip itself fails and cleans up.
define fill
@echo '→ 安装 $(1)'; : > .venv/filling; code=0; \
$(PIP) install --quiet $(2) || code=$$?; rm -f .venv/filling; \
[ $$code -eq 0 ] || echo '安装没有完成：请检查网络（可用 PIP_INDEX_URL 指定镜像）和磁盘空间，然后再执行一次同样的命令。' >&2; \
exit $$code
endef

help:
	@echo 'make run      安装所需的一切，并在 http://127.0.0.1:8000 运行演示区（PORT=… 换端口）'
	@echo 'make test     安装所需的一切，并运行全部检查和测试（CI 执行的就是它）'
	@echo 'make lint     只运行静态检查'
	@echo 'make bench    性能测量        make drills   耗时较长的演练'
	@echo 'make lock     重新生成依赖锁   make clean    删除缓存和构建产物（不动 .data 和 .venv）'

# Ends even when make is killed (tether.py), and with it all that it has started.
run: .venv/run-done .venv/linghang-done translations
	@exec $(PYTHON) -I -S web/operations/tether.py 15 "$$PPID" - .venv/bin/linghang serve --demo

# pytest comes last, so that its summary ends the output.
test: .venv/dev-done .venv/linghang-done translations browser lint
	$(PYTEST) -q $(PURE_TESTS) $(PURE:%=--cov=%) --cov-branch --cov-fail-under=100
	$(PYTEST) -q -n auto --maxprocesses=4 --dist loadfile

lint: .venv/dev-done .venv/linghang-done
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports

bench: .venv/dev-done .venv/linghang-done
	$(PYTHON) -m bench

drills: .venv/dev-done .venv/linghang-done translations
	$(PYTEST) -m drill

.venv/venv-done:
	@if ! { $(WHOLE); }; then \
		suits='import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))'; \
		find_python() { for one in $(PYTHONS); do "$$one" -c "$$suits" 2>/dev/null && { echo "$$one"; return; }; done; }; \
		found=$$(find_python || true); \
		if [ -z "$$found" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			{ apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy python3 python3-venv; } >&2 || true; \
			found=$$(find_python || true); \
		fi; \
		if [ -z "$$found" ]; then \
			echo '需要带 venv 模块的 Python 3.11 或更高版本（依次找过：$(PYTHONS)）。' >&2; \
			echo 'Debian 或 Ubuntu：sudo apt-get install python3 python3-venv' >&2; \
			exit 3; \
		fi; \
		echo "→ 用 $$found 建立 .venv"; \
		"$$found" -m venv --clear .venv; \
	fi
	@touch $@

.venv/run-done: requirements.lock | .venv/venv-done
	$(call fill,requirements.lock,--require-hashes -r requirements.lock)
	@touch $@

# The dev lock holds all of the run lock in the same versions: whoever has it needs nothing more to run.
.venv/dev-done: requirements-dev.lock requirements.lock | .venv/venv-done
	$(call fill,requirements-dev.lock,--require-hashes -r requirements-dev.lock)
	@touch .venv/run-done $@

.venv/linghang-done: pyproject.toml | .venv/run-done
	$(call fill,linghang,--no-deps --no-build-isolation -e .)
	@touch $@

translations: | .venv/run-done
	@if [ -n "$$(find web/translations -name '*.po' 2>/dev/null)" ]; then \
		$(PYTHON) -m babel.messages.frontend --quiet compile -d web/translations; \
	fi

browser:
	@has() { command -v chromium || command -v chromium-browser || command -v google-chrome; }; \
	if ! has >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo '→ 安装 chromium 和 fonts-noto-cjk'; \
		{ apt-get update -q && DEBIAN_FRONTEND=noninteractive \
			apt-get install -qy --no-install-recommends chromium fonts-noto-cjk; } >&2 || true; \
	fi; \
	has >/dev/null || echo '没有找到 chromium，也无法安装：浏览器测试将逐项报告为跳过（skipped）。' >&2

lock:
	@command -v uv >/dev/null || { echo '需要 uv（https://docs.astral.sh/uv/）才能重新生成依赖锁。' >&2; exit 3; }
	$(LOCK) -o requirements.lock
	$(LOCK) --group dev --constraints requirements.lock -o requirements-dev.lock

clean:
	rm -rf build .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache *.egg-info
	find . -path ./.venv -prune -o -path ./.data -prune -o -path ./.git -prune -o \
		-type d -name __pycache__ -exec rm -rf {} +
	find web/translations -name '*.mo' -exec rm -f {} +
