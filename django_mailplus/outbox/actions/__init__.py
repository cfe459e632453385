"""What people do with mails in the outbox, from the admin and from the command line."""
