"""The mailers behind the outbox: which there are, what they may take now, and when."""
