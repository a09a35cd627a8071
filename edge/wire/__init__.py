"""The letterbox: all that pole and office say to each other. Standard library only, no input or output, no clock."""
