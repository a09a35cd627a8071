"""A whole street in one thread, on a virtual clock, network and disk: the real cores, and all that may befall them."""
