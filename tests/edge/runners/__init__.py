"""What is tested of the runners."""
