"""Where a Python file asks the world for the time or for chance, found by name with `ast`.

`random.Random(seed)` is neither: a seed was handed in. A bare mention counts (`clock=time.monotonic`), a call or not.
"""

import ast
from collections.abc import Iterator

WORLDLY = {
    "time": {
        "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep",
        "clock_gettime", "clock_gettime_ns", "thread_time", "process_time",
    },
    "datetime.datetime": {"now", "utcnow", "today"},
    "datetime.date": {"today"},
    "os": {"urandom", "getrandom"},
    "uuid": {"uuid1", "uuid4"},
    "asyncio": {"sleep"},
    "secrets": {"token_bytes", "token_hex", "token_urlsafe", "randbits", "randbelow", "choice", "SystemRandom"},
    "random": {
        "random", "randint", "randrange", "randbytes", "getrandbits", "choice", "choices", "sample", "shuffle",
        "uniform", "gauss", "normalvariate", "expovariate", "triangular", "betavariate", "seed", "SystemRandom",
    },
}  # fmt: skip


def worldly_names(text: str) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every use of clock or chance in the source `text`."""
    tree = ast.parse(text)
    known = _bindings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            name = _dotted(node, known) or ""
            if _is_worldly(name):
                yield node.lineno, name
        elif isinstance(node, ast.Call) and _is_unseeded(node, known):
            yield node.lineno, "random.Random()"


def _is_worldly(name: str) -> bool:
    owner, _, member = name.rpartition(".")
    return member in WORLDLY.get(owner, ())


def _is_unseeded(call: ast.Call, known: dict[str, str]) -> bool:
    return not (call.args or call.keywords) and _dotted(call.func, known) == "random.Random"


def _bindings(tree: ast.AST) -> dict[str, str]:
    """What each imported name stands for: `from time import sleep as nap` binds nap to time.sleep."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= dict(_binding(alias) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return known


def _binding(alias: ast.alias) -> tuple[str, str]:
    top = alias.name.split(".")[0]
    return (alias.asname, alias.name) if alias.asname else (top, top)


def _dotted(node: ast.expr, known: dict[str, str]) -> str | None:
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value, known)
        return owner and f"{owner}.{node.attr}"
    return None
