"""User models as projects have them; MAILPLUS_TEST_USER chooses one for a whole run."""

from __future__ import annotations

import uuid

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models


class UUIDUser(AbstractUser):
    """Known by a UUID, with a unique address and fields that note a proof."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.EmailField(unique=True)
    email_verified = models.BooleanField(default=False)
    email_verified_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "people"


class NicknameUser(AbstractBaseUser):
    """A text as primary key, the address under another name, no is_active, no username."""

    nickname = models.CharField(primary_key=True, max_length=60)
    mailbox = models.EmailField()

    USERNAME_FIELD = "nickname"
    EMAIL_FIELD = "mailbox"

    objects = UserManager()

    class Meta:
        app_label = "people"
