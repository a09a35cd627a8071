"""How a node comes to be known, with everything real: processes, clocks that are wrong, networks, attackers."""
