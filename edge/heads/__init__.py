"""The heads of a model: logits become calibrated scores, and those the tags that are told."""
