"""What a student sees of a pixel p of 0..255: (p - MEAN) / SCALE.

What MobileNetV2 was trained with, and exactly what an int8 input with zero point 127 holds.
"""

MEAN, SCALE = 127.0, 127.5
