"""`sim`: the street indoors, from the command line.

On a bare node, where the office's libraries are not installed, it says in one sentence how to get them.
"""

from __future__ import annotations

import importlib.util
import sys

NEEDS = ("rich", "sqlalchemy", "typer")
MISSING = 'sim needs the office\'s libraries, which are not installed here: pip install "lantaarn[office]"'
INTERRUPTED = "Interrupted; everything that was started has been stopped."


def main() -> int:
    """Exit codes: 0 the promise held, 1 it did not, 2 usage, 4 refused, 130 interrupted before the end."""
    if any(importlib.util.find_spec(name) is None for name in NEEDS):
        print(MISSING, file=sys.stderr)
        return 4
    try:
        from simulators.commands.run import run

        return run(sys.argv[1:])
    except KeyboardInterrupt:
        print(INTERRUPTED, file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
