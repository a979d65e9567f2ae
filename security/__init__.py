"""How we are sure."""
