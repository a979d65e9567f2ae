"""The tasks of the accounts app, one module an area."""
