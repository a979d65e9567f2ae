"""Two sample accounts in use for months, for development and demonstrations only."""
