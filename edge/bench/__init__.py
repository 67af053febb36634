"""How fast a bundle is on this machine, how sure that is, and what the machine did meanwhile."""
