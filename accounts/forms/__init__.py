"""The forms of the accounts app, one module an area."""
