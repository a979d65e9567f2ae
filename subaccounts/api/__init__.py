"""The HTTP API of subaccounts and what they own, a module a resource."""
