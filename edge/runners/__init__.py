"""Runners: a bus with all that hangs on it, asked in time. They decide; `edge/buses` does."""
