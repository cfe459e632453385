"""The rows of the outbox: how they are written, claimed, read and told of."""
