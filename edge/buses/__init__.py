"""Where bytes meet hardware: the only files that import hardware libraries."""
