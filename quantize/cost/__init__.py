"""What a network costs a device: counted, measured here, and from that predicted elsewhere."""
