"""Reports as one file of HTML with drawings in it: no script, nothing from the network."""
