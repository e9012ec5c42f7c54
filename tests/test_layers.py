"""Imports go one way, and the rules engine stands alone."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "ecsaudit"
# Each may import what stands before it.
LAYERS = [
    "environment",
    "data_dir",
    "visible",
    "days",
    "mail_server",
    "settings",
    "file_broker",
    "celery",
    "engine",
    "guard",
    "supervisor",
    "people",
    "cloudtrail",
    "execsessions",
    "compliance",
    "library",
    "findings",
    "notifications",
    "securityhub",
    "policies",
    "replay",
    "pipeline",
    "tasks",
    "demo",
    "web",
    "api",
    "web_log",
    "processes",
    "urls",
    "wsgi",
    "apps",
    "management",
]
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts)
# web and api stand side by side. What is not of a screen they share: how lists are filtered, paged and told as files, and how
# what happened is put in words.
SHARED_BY_WEB = {
    "asked", "delivery_list", "exports", "filters", "finding_list", "finding_page", "group_list", "history", "lists", "paging",
    "sentences",
}  # fmt: skip
ENGINE_MAY_IMPORT = {"yaml", "re2", "orjson", "simdjson"}


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def layer_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, relative ones spelled out."""
    package = path.relative_to(PACKAGE.parent).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_what_stands_before_it(path: Path) -> None:
    if path == PACKAGE / "__init__.py":
        return
    allowed = LAYERS[: LAYERS.index(layer_of(path)) + 1]
    used = {name.split(".")[1] for name in imports(path) if name.startswith("ecsaudit.")}
    assert used <= set(allowed)


@pytest.mark.parametrize("path", sorted((PACKAGE / "api").rglob("*.py")), ids=name_of)
def test_the_api_takes_from_web_only_what_is_not_of_a_screen(path: Path) -> None:
    of_web = {name.removeprefix("ecsaudit.web.") for name in imports(path) if name.startswith("ecsaudit.web.")}
    assert {name.split(".")[0] for name in of_web} <= SHARED_BY_WEB


@pytest.mark.parametrize("path", sorted((PACKAGE / "engine").rglob("*.py")), ids=name_of)
def test_the_engine_needs_only_the_standard_library_and_four_packages(path: Path) -> None:
    roots = {name.split(".")[0] for name in imports(path)}
    assert roots - sys.stdlib_module_names - {"ecsaudit"} <= ENGINE_MAY_IMPORT


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_import_hides_inside_a_function(path: Path) -> None:
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    hidden = [node.lineno for f in functions for node in ast.walk(f) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert hidden == []


def test_the_package_itself_is_empty() -> None:
    assert (PACKAGE / "__init__.py").read_text() == ""
