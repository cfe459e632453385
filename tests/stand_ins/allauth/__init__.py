"""The one table of allauth that the import reads, under the names it has there."""
