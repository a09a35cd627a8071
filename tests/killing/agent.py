"""A simulated node that waits for its last ack as long as it takes: `python -m tests.killing.agent FOLDER`."""

import sys

from simulators import node

if __name__ == "__main__":
    node.PATIENCE_MS = 100_000_000
    sys.exit(node.main(sys.argv[1:]))
