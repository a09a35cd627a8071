"""The office, tried."""
