"""The journal, on a disk that loses what was not synced."""
