"""The columns of allauth's table of addresses."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class EmailAddress(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    email = models.EmailField()
    verified = models.BooleanField(default=False)
    primary = models.BooleanField(default=False)

    class Meta:
        app_label = "account"

    def __str__(self):
        return self.email
