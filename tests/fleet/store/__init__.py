"""The store, tried."""
