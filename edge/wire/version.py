"""The version that pole and office tell each other, and people ask for. It is that of the distribution."""

VERSION = "0.1.0"
