"""The page, asked and looked at."""
