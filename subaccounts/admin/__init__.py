"""What staff see and do, a module an area."""
