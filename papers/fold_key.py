"""Keys of stored folds: equal exactly when rows, settings, code and libraries are equal, whatever files are called."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl

from models.fingerprint import fingerprint
from models.metrics import Labels
from models.schema import schema_of


def fold_key(
    frame: pl.DataFrame,
    labels: Labels,
    *,
    settings: Sequence[str],
    code: Iterable[ModuleType],
    libraries: Iterable[str],
) -> str:
    """Return the key under which the folds of an experiment are stored; folds of another key are measured again.

    Parameters
    ----------
    frame : polars.DataFrame of shape (n_samples, n_columns)
    labels : ndarray of shape (n_samples,)
    settings : sequence of str
        Everything that is set, as text.
    code : iterable of module
        Modules and packages whose code the figures depend on.
    libraries : iterable of str
        Distributions whose version the figures depend on.
    """
    parts = [fingerprint(frame, labels, schema=schema_of(frame)), *settings, code_hash(code)]
    parts += [f"{library} {version(library)}" for library in libraries]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def code_hash(code: Iterable[ModuleType]) -> str:
    """Return the SHA-256 of what modules and packages do, blind to where it stands and how it is explained.

    Hashed are the statements of all files together, sorted, without imports, docstrings and comments. Moving code to
    another file or folder, renaming either, or rewording prose leaves the hash as it is; changing a statement does not.
    """
    statements = sorted(
        statement for module in code for file in _files(module) for statement in _statements(file)
    )
    return hashlib.sha256(json.dumps(statements).encode()).hexdigest()


def _files(module: ModuleType) -> list[Path]:
    """Return the files of a package with those of its sub-packages, or the one file of a module."""
    if hasattr(module, "__path__"):
        return [file for folder in module.__path__ for file in Path(folder).rglob("*.py")]
    return [Path(str(module.__file__))]


def _statements(file: Path) -> list[str]:
    """Return the statements of a file without imports, docstrings and comments."""
    tree = _WithoutImportsAndDocstrings().visit(ast.parse(file.read_text(encoding="utf-8")))
    return [ast.unparse(statement) for statement in tree.body]


class _WithoutImportsAndDocstrings(ast.NodeTransformer):
    """Removes imports and every statement that is a bare constant."""

    def visit_Import(self, _: Any) -> None:
        return None

    def visit_ImportFrom(self, _: Any) -> None:
        return None

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        return None if isinstance(node.value, ast.Constant) else node
