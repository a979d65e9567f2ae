"""Look up subaccounts and what they own, a module an area."""
