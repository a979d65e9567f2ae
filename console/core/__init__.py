"""Kernel of the console: imports no app."""
