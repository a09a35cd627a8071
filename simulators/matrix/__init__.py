"""The fault matrix: every driver against everything that can go wrong with it, through the agent's own runners."""
