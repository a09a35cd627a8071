"""The office's window: a page on a loopback port."""
