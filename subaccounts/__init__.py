"""Accounts inside accounts."""
