"""The ground floor on trial: transcripts, byte vectors, properties."""
