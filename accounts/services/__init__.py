"""Deeds of the accounts app."""
