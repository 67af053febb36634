"""AutoFish: its COCO file and group split, mask mAP, and the network that outlines fish."""
