"""Every error says what to do: whoever makes an EdgeError gives it a `fix`."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

import pytest

from edge import errors
from edge.errors import EdgeError

ROOT = Path(__file__).parents[2]
OURS = {  # as `module.Class`
    f"edge.errors.{name}"
    for name, one in vars(errors).items()
    if isinstance(one, type) and issubclass(one, EdgeError)
}
ERRORS = {name.rpartition(".")[2] for name in OURS}
TREES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts): ast.parse(file.read_text("utf-8"))
    for file in sorted((ROOT / "edge").rglob("*.py"))
}
del TREES["edge.errors"]


def names_of(tree: ast.AST, known: set[str]) -> set[str]:
    """What errors of ours are called in `tree`. known: `module.Class`."""
    nodes = list(ast.walk(tree))
    names = {
        alias.asname or alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if f"{node.module}.{alias.name}" in known
    }
    for node in nodes:  # those of this module stand one after the other
        if isinstance(node, ast.ClassDef) and {called(base) for base in node.bases} & names:
            names.add(node.name)
    kinds = {node.arg for node in nodes if isinstance(node, ast.arg) and is_kind(node, names)}
    return names | kinds


def called(function: ast.expr) -> str:
    """`a.b.C` -> C"""
    return str(getattr(function, "id", "") or getattr(function, "attr", ""))


def is_kind(parameter: ast.arg, names: set[str]) -> bool:
    """`kind: type[EdgeError]`"""
    wanted = parameter.annotation
    is_type = isinstance(wanted, ast.Subscript) and called(wanted.value) == "type"
    return is_type and any(isinstance(n, ast.Name) and n.id in names for n in ast.walk(wanted))


def known_of(trees: Mapping[str, ast.AST]) -> set[str]:
    """`module.Class` of every error: those of `edge.errors`, and those made of them elsewhere."""
    made = {
        f"{module}.{node.name}"
        for module, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and {called(base) for base in node.bases} & ERRORS
    }
    return OURS | made


KNOWN = known_of(TREES)


def faults(module: str, tree: ast.AST) -> list[str]:
    """Where an error is made that does not say what to do."""
    names = names_of(tree, KNOWN)
    return [
        f"{module}:{node.lineno}: {ast.unparse(node.func)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and called(node.func) in names
        and not any(is_a_fix(keyword) for keyword in node.keywords)
    ]


def is_a_fix(keyword: ast.keyword) -> bool:
    is_empty = isinstance(keyword.value, ast.Constant) and not keyword.value.value
    return keyword.arg == "fix" and not is_empty


@pytest.mark.parametrize("module", TREES)
def test_every_error_says_what_to_do(module):
    assert faults(module, TREES[module]) == []


def test_errors_of_other_modules_are_known():
    assert {"edge.sources.faults.Lost", "edge.outbox.delivery.Later"} < KNOWN
    assert "edge.outbox.database.Damaged" not in KNOWN  # no EdgeError, and never shown


@pytest.mark.parametrize(
    "source",
    [
        "from edge.errors import BundleError\nraise BundleError('a')",
        "from edge.errors import BundleError\nraise BundleError('a', fix='')",
        "from edge.errors import BundleError as Bad\nraise Bad('a')",
        "from edge.errors import EdgeError\nclass Own(EdgeError): ...\nraise Own('a')",
        "from edge.sources.faults import Lost\nraise Lost('a', kind='frozen')",
        "from edge.errors import EdgeError\ndef f(kind: type[EdgeError]): raise kind('a')",
    ],
)
def test_the_rule_itself_finds_faults(source):
    assert faults("x", ast.parse(source))


@pytest.mark.parametrize("fix", ["'do that'", "e.fix", "fix"])
def test_the_rule_lets_pass_what_says_so(fix):
    source = f"from edge.errors import BundleError\nraise BundleError('a', fix={fix})"
    assert faults("x", ast.parse(source)) == []
