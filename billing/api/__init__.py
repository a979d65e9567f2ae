"""Operations of the HTTP API about money, a module an area."""
