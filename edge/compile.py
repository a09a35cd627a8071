"""Check a board file and compile it: a process of its own that ends.

`python -m edge.compile node.toml` writes `node.compiled.json` beside it, whole or not at all. A bad file is refused
with every mistake in it, and the compiled board that was good before stays.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.board import Checked, check
from edge.boardfile import SAY, compiled, read
from edge.boardfile import write as write


def refusal(checked: Checked) -> str:
    """All mistakes of a file, as lines for a person."""
    count = len(checked.mistakes)
    lines = [f"{checked.file}: {count} mistake{'s' if count > 1 else ''}."]
    lines += [f"  {mistake}" for mistake in checked.mistakes]
    lines.append("Nothing was changed; a running agent keeps the last good board.")
    lines.append(f"Mend the file, then run: edge check {checked.file}")
    return "\n".join(lines)


def _put(target: Path, text: str) -> None:
    if target == Path(SAY):
        sys.stdout.buffer.write(text.encode())
    else:
        write(target, text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 compiled, 2 refused."""
    parser = argparse.ArgumentParser(prog="python -m edge.compile", description="Check and compile a board file.")
    parser.add_argument("board", type=Path)
    parser.add_argument("--out", type=Path, help="where to write it, - for stdout (default: beside the board)")
    parser.add_argument("--simulated", action="store_true", help="the board of a simulated node")
    options = parser.parse_args(arguments)
    try:
        text = read(options.board).decode()
        checked = check(text, str(options.board), options.simulated)
        if checked.wiring is None:
            print(refusal(checked), file=sys.stderr)
            return 2
        _put(options.out or compiled(options.board), checked.wiring.to_json())
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        print(f"{options.board} cannot be read or compiled: {why}.", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
