"""Look-ups of the accounts app, one module an area."""
