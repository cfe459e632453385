"""A mail server for development: it takes every mail, shows it and passes none on."""

from __future__ import annotations
