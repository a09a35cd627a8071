"""The ground floor: what chips say, in the standard library only."""
