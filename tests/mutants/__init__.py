"""Tests are judged here: which branches they reach, and whether they notice that the code was changed."""
