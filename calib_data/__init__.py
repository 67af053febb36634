"""Calibration sets: own pictures, manifests, and rendered scenes."""
