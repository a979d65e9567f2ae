"""Pages of billing, a module an area."""
