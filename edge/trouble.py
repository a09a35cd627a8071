"""What a person is told when a command cannot do its work, and the exit code that goes with it."""

from __future__ import annotations

OK, WRONG, USAGE, REFUSED, UNREACHABLE, INTERRUPTED = 0, 1, 2, 4, 5, 130


class Trouble(Exception):
    """`what` happened, how things `stand` now, and the next `command`."""

    def __init__(self, what: str, stand: str, command: str, code: int = WRONG) -> None:
        super().__init__(what)
        self.what, self.stand, self.command, self.code = what, stand, command, code

    def __str__(self) -> str:
        return "\n".join(line for line in (self.what, self.stand, self.command) if line)
