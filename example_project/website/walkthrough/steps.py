"""The walk through the whole site, step by step. A new step is a function and a line in STEPS."""

from __future__ import annotations

from website.walkthrough.recipes import RECIPE_STEPS
from website.walkthrough.setups import SETUP_STEPS
from website.walkthrough.verification import VERIFICATION_STEPS
from website.walkthrough.visitor import BEFORE_LOGIN, THE_END, WITH_ACCOUNT
from website.walkthrough.walk import Step

__all__ = ["STEPS"]

STEPS: tuple[Step, ...] = (
    *BEFORE_LOGIN,
    *VERIFICATION_STEPS,
    *WITH_ACCOUNT,
    *RECIPE_STEPS,
    *SETUP_STEPS,
    *THE_END,
)
