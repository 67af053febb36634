"""What is wrong with this machine, its camera and its bundle, and what to do about it."""
