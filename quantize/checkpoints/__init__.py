"""Files of published networks: read without running code in them; what became of each key."""
