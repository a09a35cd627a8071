"""What networks do to a node, on loopback: the agent and its link are the real ones, and so are the brokers."""
