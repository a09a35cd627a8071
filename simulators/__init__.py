"""The street, built indoors: chips, buses, weather and faults, for the same agent and the same office."""
