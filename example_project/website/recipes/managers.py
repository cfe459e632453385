"""Everyday task: mail to the people who run the site."""

from __future__ import annotations

from django_mailplus.mail import mail_admins, mail_managers


def mail_the_team(recipient: str) -> int:
    mail_managers("Stock is low", "Only three tins of Sencha are left.")
    mail_admins("Disk is filling up", "The media folder has reached 80 %.")
    return 2
