"""Commands of the subaccounts app."""
