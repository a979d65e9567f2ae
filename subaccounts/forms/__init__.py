"""Forms of subaccounts and resources, a module an area."""
