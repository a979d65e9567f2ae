"""Speak SCIM 2.0 (RFC 7643, RFC 7644): what a person and a group look like on the wire, and what a filter asks."""
