"""What providers tell of mails that they have taken, through django-anymail's webhooks."""
