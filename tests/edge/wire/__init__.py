"""What is tested of the letterbox."""
