"""FashionSAP in PyTorch, written from the paper, and the attributes of garments for a device.

`opened.open_fashion(checkpoint, vocabulary)` opens a published file; `tower.FoldedTower` is what a
device runs of it. `material` and `learn` make the head for attributes on one of our own students.
"""
