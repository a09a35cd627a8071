"""What the house costs, measured beside a peer that does the same work in the plain way: `python -m tests.bench`."""
