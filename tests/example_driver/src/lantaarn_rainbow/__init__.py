"""A driver for Lantaarn, and the simulated chip that proves it."""
