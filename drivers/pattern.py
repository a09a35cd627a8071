"""Regular expressions that a board may bring along, made so that no line of text can keep the agent busy.

Python's matcher goes back and tries again; with the wrong expression it does so for longer than the pole will stand.
So a board writes in a part of the language in which that cannot happen. A quantifier (`*`, `+`, `?`, `{2,5}`) stands
behind a single character, a class or an escape, never behind a group, and **takes what it can and never gives it back**
(each is made possessive): to skip up to a number write `[^0-9]*(\\d+)` and not `.*(\\d+)`, which finds nothing. Groups
`( )`, `(?: )`, `(?P<name> )` and alternatives `|` may be used, with at most 64 ways through all alternatives together.
There are no back references, no looking ahead or behind, no flags. The whole line must fit.
"""

from __future__ import annotations

import re
import warnings

LONGEST = 200
MOST_WAYS = 64
ATOM = re.compile(
    r"\\[dDwWsS.\\+*?()\[\]{}|^$/\-\"'#,:;=%&<>!@~_ ]|\[\^?\]?(?:\\.|[^\]\\])*\]|[^\\\[\](){}|*+?]", re.ASCII
)
QUANTIFIER = re.compile(r"[*+?]|\{\d{1,3}(?:,\d{0,3})?\}")
ALTERNATIVE = re.compile(r"(?<!\\)\|")  # also those inside a class: rather too many
OPENING = re.compile(r"\((?:\?:|\?P<[A-Za-z_]\w{0,31}>)?(?!\?)")


def compiled(pattern: str) -> re.Pattern[str]:
    """The expression, made harmless. Raises ValueError with the reason for people."""
    if len(pattern) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters")
    safe, at = "", 0
    while at < len(pattern):
        written, used = _piece(pattern[at:], at)
        safe, at = safe + used, at + written
    return _checked(safe)


def _piece(rest: str, at: int) -> tuple[int, str]:
    """The next piece: how long it is as it was written, and as it is used."""
    if opening := OPENING.match(rest):
        return opening.end(), opening[0]
    if rest[0] == "|":
        return 1, "|"
    if rest[0] == ")" and QUANTIFIER.match(rest, 1):
        raise ValueError(f"has a quantifier behind a group at character {at + 2}; write the group out")
    return (1, ")") if rest[0] == ")" else _atom(rest, at)


def _atom(rest: str, at: int) -> tuple[int, str]:
    """One character, class or escape with its quantifier."""
    atom = ATOM.match(rest)
    if atom is None:
        raise ValueError(f"has something at character {at + 1} that boards may not use: {rest[:6]}")
    quantifier = QUANTIFIER.match(rest, atom.end())
    if quantifier is None:
        return atom.end(), atom[0]
    if rest[quantifier.end() : quantifier.end() + 1] in ("?", "+", "*", "{"):
        raise ValueError(f"has two quantifiers in a row at character {at + quantifier.end() + 1}")
    return quantifier.end(), atom[0] + quantifier[0] + "+"


def _checked(safe: str) -> re.Pattern[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = re.compile(safe, re.ASCII)
    except (re.error, OverflowError, Warning) as error:
        raise ValueError(f"is no regular expression: {error}") from None
    if 2 ** len(ALTERNATIVE.findall(safe)) > MOST_WAYS:
        raise ValueError("has too many alternatives")
    return found
