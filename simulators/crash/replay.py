"""One state told in words: the steps before the crash, what had been told by then, what was left, what was wrong."""

from __future__ import annotations

from collections.abc import Sequence

from simulators.crash.states import Fault, State
from simulators.recording import (
    BESIDE,
    Emptied,
    FolderSynced,
    Made,
    Removed,
    Renamed,
    SmallBegun,
    Step,
    Synced,
    Told,
    Wrote,
)

STEPS = 24


def told(name: str, state: State, faults: Sequence[Fault]) -> str:
    """Everything about a state that helps to find what is wrong."""
    names = _named(state)
    log = state.part.log[: state.at]
    lines = [f"state {name}: the power went after step {state.at} of {len(state.part.log)}, mode {state.mode!r}"]
    lines += [f"the last {state.lied} syncs lied"] if state.lied else []
    lines += ["", "the last steps:"]
    lines += [f"  {at:>6}  {_step(step, names)}" for at, step in list(enumerate(log))[-STEPS:]]
    now = state.told
    lines += ["", f"told by then: epoch {now.epoch}, every seq below {now.next} committed, {now.total} readings in all"]
    lines += [f"acked up to {now.acked}; the last word of the office was {now.forgot}"]
    lines += ["", "left on the card:"]
    lines += [f"  {len(content):>9,} bytes  {file}" for file, content in sorted(state.files.items())]
    lines += ["", *(f"{fault.verdict} {fault.count}: {fault.what}" for fault in faults)]
    return "\n".join([*lines, "" if faults else "nothing is wrong with it", ""])


def _named(state: State) -> dict[int, str]:
    """Names of inodes, as they were when they were made."""
    names = dict(enumerate(sorted(state.part.files), 1))
    return names | {step.inode: step.name.removesuffix(BESIDE) for step in state.part.log if isinstance(step, Made)}


def _step(step: Step, names: dict[int, str]) -> str:
    if isinstance(step, Wrote):
        return f"write {len(step.data)} bytes at {step.at} of {names[step.inode]}"
    if isinstance(step, Synced | Emptied):
        return f"{'sync' if isinstance(step, Synced) else 'empty'} {names[step.inode]}"
    if isinstance(step, FolderSynced):
        return f"sync folder {step.name or '.'}"
    if isinstance(step, Renamed):
        return f"rename {step.old} to {step.new}"
    if isinstance(step, Made | Removed):
        return f"{'make' if isinstance(step, Made) else 'remove'} {step.name}"
    if isinstance(step, SmallBegun):
        return f"- {step.name} is about to hold {step.data[:60]!r}"
    if isinstance(step, Told):
        return f"- told: committed below {step.next}, acked up to {step.acked}"
    return f"- {step}"
