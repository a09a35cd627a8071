"""The office: collect, commit, acknowledge, and watch over every node."""
