"""`fleet` as people type it, each command a process of its own."""
