"""The views of the accounts app, one module an area."""
