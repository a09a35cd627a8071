"""`fleet` on the command line, one file per noun."""
