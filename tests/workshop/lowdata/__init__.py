"""Tests of the low-data recipe, and the tiny networks they train."""
