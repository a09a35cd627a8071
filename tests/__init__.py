"""The roof: sees everything. The tree under it mirrors the house."""
