"""Addresses, as allauth keeps them."""
