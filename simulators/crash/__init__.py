"""The crash enumerator: every state that a power cut may leave of a recorded life, opened and judged."""
