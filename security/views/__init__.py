"""The views of the security app, one module an area."""
