"""Length of fish in a frame: masks, midlines, a camera plane, and what is known over many looks."""
