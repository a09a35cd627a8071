"""What a Python file imports, read with `ast`: whoever wants to know must not have to run the code to find out.

Every import counts, also one inside a function, under `TYPE_CHECKING`, or by `import_module("literal")`.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Import:
    """`module` is absolute and as deep as the tree knows: `from drivers import reading` is `drivers.reading`."""

    file: Path
    line: int
    module: str
    lazy: bool
    for_types: bool


def module_name(root: Path, file: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def file_of(root: Path, module: str) -> Path | None:
    base = root.joinpath(*module.split("."))
    return next((file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()), None)


def imports_of(root: Path, file: Path) -> list[Import]:
    tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
    lazy, for_types = _lines_in_functions(tree), _lines_for_types(tree)
    return [
        Import(file, node.lineno, module, node.lineno in lazy, node.lineno in for_types)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Call)
        for module in _modules(root, file, node)
    ]


def closure(root: Path, module: str, *, lazy: bool) -> dict[str, list[str]]:
    """All modules reached from `module`, ours followed, others only named; each with one chain that leads to it.

    With `lazy`, imports inside functions are followed too. Imports for type checkers alone are not.
    """
    chains = {module: [module]}
    waiting = [module]
    while waiting:
        here = waiting.pop()
        file = file_of(root, here)
        for found in imports_of(root, file) if file else ():
            if not found.for_types and (lazy or not found.lazy):
                new = [name for name in _with_parents(found.module) if name not in chains]
                chains.update({name: [*chains[here], name] for name in new})
                waiting += new
    return chains


def _with_parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts) + 1)]


def _modules(root: Path, file: Path, node: ast.Import | ast.ImportFrom | ast.Call) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = _absolute(root, file, node)
        for alias in node.names:
            deeper = f"{base}.{alias.name}"
            yield deeper if file_of(root, deeper) or root.joinpath(*deeper.split(".")).is_dir() else base
    elif ast.unparse(node.func).endswith(("import_module", "__import__")):
        yield from (arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant) and isinstance(arg.value, str))


def _absolute(root: Path, file: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = file.relative_to(root).parts[: -node.level]
    return ".".join([*package, *([node.module] if node.module else [])])


def _lines_in_functions(tree: ast.AST) -> set[int]:
    functions = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))
    return {line for function in functions for line in _lines(function)}


def _lines_for_types(tree: ast.AST) -> set[int]:
    guards = (n for n in ast.walk(tree) if isinstance(n, ast.If) and ast.unparse(n.test).endswith("TYPE_CHECKING"))
    return {line for guard in guards for statement in guard.body for line in _lines(statement)}


def _lines(node: ast.stmt | ast.expr) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)
