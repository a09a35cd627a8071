"""The node's durable buffer: what was committed stays, until the office has it or a gap record names it."""
