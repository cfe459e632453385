"""The mails of a project while it is developed, or on a staging site: caught, and to be looked at."""
