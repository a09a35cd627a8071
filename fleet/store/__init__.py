"""The store: receipts and readings, committed together, so that "it arrived" and "it is here" are one fact."""
