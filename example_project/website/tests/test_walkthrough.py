# ruff: noqa: PT009 (unittest's assertions explain themselves under manage.py test)
"""The walk of `manage.py demo --check` itself: a step that fails must not pass unnoticed."""

from __future__ import annotations

from django.test import SimpleTestCase

from website.walkthrough.steps import STEPS
from website.walkthrough.walk import expect, expect_equal, run


def first_step(walk):
    return "done"


def wrong_step(walk):
    expect_equal("the number of cups", 1, 2)
    return "done"


def broken_step(walk):
    raise KeyError("cup")


class Walkthrough(SimpleTestCase):
    def walk(self, *steps):
        lines: list[str] = []
        return run(steps, walk=None, report=lines.append), lines

    def test_reports_each_step_on_a_line(self):
        self.assertEqual(self.walk(first_step), (True, ["ok  first step: done"]))

    def test_ends_at_the_first_step_that_fails_and_says_why(self):
        passed, lines = self.walk(first_step, wrong_step, first_step)
        self.assertFalse(passed)
        self.assertEqual(
            lines[1:], ["FAILED  wrong step: the number of cups is 1, expected 2"]
        )

    def test_counts_an_error_in_a_step_as_a_failure(self):
        self.assertEqual(
            self.walk(broken_step), (False, ["FAILED  broken step: KeyError: 'cup'"])
        )

    def test_names_every_step_once(self):
        names = [step.__name__ for step in STEPS]
        self.assertEqual(len(names), len(set(names)))

    def test_expectation_that_holds_says_nothing(self):
        self.assertIsNone(expect(True, "unused"))
