"""Look up who calls the API with a token, newest first, and who called within the last day."""

FLUSHED_AT = "api:callers:flushed"
