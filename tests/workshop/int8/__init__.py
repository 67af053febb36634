"""Export and int8, on a student small enough to learn, convert and quantise in seconds."""
