"""A simulated node that waits long for its last ack: `python -m tests.killing.agent FOLDER`."""

import sys

from simulators import node

if __name__ == "__main__":
    node.PATIENCE_MS = 3_000_000  # simulated; after that nobody is there any more
    sys.exit(node.main(sys.argv[1:]))
