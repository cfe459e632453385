"""The queues of other packages, moved into the outbox: nothing lost, nothing sent twice."""
