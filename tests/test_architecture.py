"""The floors of the house hold: imports go downwards only."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_import_contracts_are_kept():
    lint = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        [lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout
    assert "0 broken" in result.stdout


def test_importing_the_package_imports_no_django():
    code = "import sys, django_mailplus, django_mailplus.exceptions; print('django' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "False"


def test_modules_import_what_others_export():
    sources = {_name(path): path for path in (ROOT / "django_mailplus").rglob("*.py")}
    trees = {name: ast.parse(path.read_text()) for name, path in sources.items()}
    exported = {name: _exported(tree) for name, tree in trees.items()}
    wrong = [
        f"{name} imports {module}.{wanted}"
        for name, tree in trees.items()
        for module, wanted in _imported(tree)
        if f"{module}.{wanted}" not in trees
        and wanted not in exported.get(module, [wanted])
    ]
    assert wrong == []


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def _exported(tree: ast.Module) -> list[str]:
    """`__all__`; where there is none, each name that is not private."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    names += [node.name for node in tree.body if hasattr(node, "name")]
    return [name for name in names if not name.startswith("_")]


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)
