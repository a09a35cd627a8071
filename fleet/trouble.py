"""What goes wrong between the office and a person: three sentences and an exit code, never a traceback.

What happened; how things stand now; what to type next. Raised anywhere in `fleet`, printed in one place.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of every command."""

    OK = 0
    WRONG = 1
    USAGE = 2
    PARTIAL = 3
    REFUSED = 4
    UNREACHABLE = 5
    INTERRUPTED = 130


class Trouble(Exception):
    """A failure that a person is told about."""

    def __init__(self, happened: str, stands: str, next_step: str, code: Exit = Exit.WRONG) -> None:
        super().__init__(happened)
        self.happened, self.stands, self.next_step, self.code = happened, stands, next_step, code

    def __str__(self) -> str:
        return f"{self.happened}\n{self.stands}\nNext: {self.next_step}"
