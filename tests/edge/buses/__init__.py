"""What is tested of the buses."""
