"""`sim`: the street indoors, from the command line.

On a bare node, where the office's libraries are not installed, it says in one sentence how to get them.
"""

from __future__ import annotations

import sys

MISSING = 'sim needs the office\'s libraries, which are not installed here: pip install "lantaarn[office]"'


def main() -> int:
    """Exit codes: 0 the promise held, 1 it did not, 2 usage, 4 refused, 130 interrupted before the end."""
    try:
        import rich  # noqa: F401
        import sqlalchemy  # noqa: F401
        import typer  # noqa: F401
    except ModuleNotFoundError:
        print(MISSING, file=sys.stderr)
        return 2
    from simulators.demo import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
