"""Training: pictures on a shelf, random views of them, losses, one loop."""
