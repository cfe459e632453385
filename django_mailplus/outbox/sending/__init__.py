"""Working off the outbox: a worker, its lane for each mailer, and the streams to them."""
