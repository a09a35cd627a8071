"""Who signs: the root and the issuing key, what every certificate says, and how one root follows another."""
