"""Other people's drivers as witnesses that our simulated devices are faithful."""
