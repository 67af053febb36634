"""Distillation: a student learns from soft targets alone, all tags or fewer."""
