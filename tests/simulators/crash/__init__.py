"""The crash enumerator: its card, its judge, its teeth, and what it says of the journal."""
