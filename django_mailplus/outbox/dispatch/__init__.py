"""Who works off the outbox, and how they hear of a new mail: the values of `dispatch`."""
