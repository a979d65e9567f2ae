"""What can be done with subaccounts and what they own, a module an area."""
