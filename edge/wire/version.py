"""The version that pole and office tell each other, and people ask for. It is that of the distribution."""

VERSION = "0.1.0"
BUILT_MS = 1_767_225_600_000  # 2026-01-01: no release that says this version has run before; moved with each release
