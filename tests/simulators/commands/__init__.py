"""The commands of `sim`, as they are typed."""
