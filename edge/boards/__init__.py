"""Boards: their profiles, which one this is, what a network would take on one that is not here."""
