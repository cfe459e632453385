"""The pages of the outbox in the admin."""
