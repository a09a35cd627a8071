"""Runs a command that does not outlive whoever started it: `python -I -S tether.py PARENT COMMAND …`.

An office that is killed by force cannot end its broker, so the kernel is asked to: the command gets SIGTERM when the
thread that started it ends. It is a program of its own, because the request must be made between fork and exec, and
Python code that runs there in a process with threads may hang. It keeps its pid: the command takes its place. Where
there is no such request (it is Linux's) the command just runs.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    """Becomes the command. Ends at once when the parent died before the kernel knew."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    except (AttributeError, OSError):
        pass
    if os.getppid() == parent:
        os.execv(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
