"""The street indoors on trial."""
