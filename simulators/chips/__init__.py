"""The simulated counterparts of the drivers: same names, two doors, the bus and the world."""
