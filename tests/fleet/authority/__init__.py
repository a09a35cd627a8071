"""The authority, tried; its judges are OpenSSL and its program."""
