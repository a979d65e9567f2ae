"""Speak SAML 2.0 with the identity providers of accounts: the only reader of XML."""
