"""Run the whole console on one machine, for development and tests."""
