"""Boards: which one this is, what a network costs one, and what is predicted of one not here."""
