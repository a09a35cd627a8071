"""What is tested of the pole."""
