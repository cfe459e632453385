"""Tables of data are columns or records; those that only place things are flow."""

from __future__ import annotations

import pytest

from django_mailplus.templated.plain_text import html_to_text

RECEIPT = """
<table>
  <caption>Order 7</caption>
  <thead><tr><th>Item</th><th>Qty</th><th>Price</th></tr></thead>
  <tbody>
    <tr><td>Fan</td><td>2</td><td>€12.00</td></tr>
    <tr><td>茶 Lamp</td><td>10</td><td>€1,120.00</td></tr>
  </tbody>
  <tfoot><tr><td colspan="2" align="right">Total</td><td>€1,132.00</td></tr></tfoot>
</table>
"""

RECEIPT_TEXT = """\
Order 7

Item     Qty      Price
-------  ---  ---------
Fan        2     €12.00
茶 Lamp   10  €1,120.00
       Total  €1,132.00"""

LONG = "A very quiet fan with three speeds, a timer and a remote control for it"

TABLES = {
    "receipt": (RECEIPT, RECEIPT_TEXT),
    "no headings": (
        "<table><tr><td>Plan<td>Team<tr><td>Seats<td>12</table>",
        "Plan   Team\nSeats  12",
    ),
    "headings beside": (
        "<table><tr><th>Plan<td>Team<tr><th>Seats<td>12</table>",
        "Plan   Team\nSeats  12",
    ),
    "align": (
        "<table><tr><th>a<th>b<tr><td>x<td align=right>1 kg<tr><td>y<td style='text-align: right'>22 kg</table>",
        "a      b\n-  -----\nx   1 kg\ny  22 kg",
    ),
    "reaches down": (
        "<table><tr><th>a<th>b<tr><td rowspan=2>x<td>p<tr><td>q</table>",
        "a  b\n-  -\nx  p\n   q",
    ),
    "empty columns": (
        "<table><tr><td>a<td>&nbsp;<td>b<tr><td>c<td><td>d</table>",
        "a  b\nc  d",
    ),
    "too wide": (
        f"<table><tr><th>Item<th>Qty<tr><td>{LONG}<td>2<tr><td>Lamp<td>1</table>",
        f"Item: {LONG[:64]}\n{LONG[65:]}\nQty: 2\n\nItem: Lamp\nQty: 1",
    ),
    "too wide, no headings": (
        f"<table><tr><td>Item<td>{LONG}<tr><td>Qty:<td>2</table>",
        f"Item: {LONG[:64]}\n{LONG[65:]}\nQty: 2",
    ),
    "link in a cell": (
        "<table><tr><th>No<th>Track<tr><td>7<td><a href='https://a.example/7'>here</a></table>",
        "No  Track\n--  --------------------------\n 7  here (https://a.example/7)",
    ),
    "in a list": (
        "<ul><li><table><tr><th>a<th>b<tr><td>1<td>2</table></ul>",
        "- a  b\n  -  -\n  1  2",
    ),
    "layout by role": (
        "<table role='presentation'><tr><th>Total</th><td>€5</td></tr><tr><td>Date</td><td>May</td></tr></table>",
        "Total  €5\nDate  May",
    ),
    "one cell a row": (
        "<table><tr><td><h1>Hi</h1></td></tr><tr><td>One.</td></tr><tr><td>Two.</td></tr></table>",
        "Hi\n\nOne.\nTwo.",
    ),
    "side by side": (
        "<table><tr><td><h3>Fan</h3><p>Cool.</p></td><td><h3>Lamp</h3><p>Warm.</p></td></tr></table>",
        "Fan\n\nCool.\n\nLamp\n\nWarm.",
    ),
    "nested": (
        "<table><tr><td>Top</td><td>Right</td></tr><tr><td><table><tr><td>In</td></tr></table></td><td>Side</td></tr></table>",
        "Top  Right\n\nIn\n\nSide",
    ),
    "data in layout": (
        f"<table><tr><td>Hello</td></tr><tr><td>{RECEIPT}</td></tr><tr><td>Bye</td></tr></table>",
        f"Hello\n\n{RECEIPT_TEXT}\n\nBye",
    ),
    "a button as a table": (
        "<p>Hi</p><table><tr><td>&nbsp;</td><td><a href='https://a.example/'>Go</a></td></tr></table>",
        "Hi\n\nGo:\nhttps://a.example/",
    ),
    "no end": ("<table><tr><td>a<td>b<tr><td>c<td>d", "a  b\nc  d"),
    "no table": ("<td>a</td><td>b</td></table>", "a\nb"),
    "outside of cells": ("<table>x<tr>y<td>a</td></tr></table>", "x\ny\n\na"),
}


@pytest.mark.parametrize(("html", "text"), TABLES.values(), ids=TABLES)
def test_tables(html, text):
    assert html_to_text(html) == text


def test_a_width_decides_between_columns_and_records():
    assert html_to_text(RECEIPT, width=23) == RECEIPT_TEXT
    assert "Item: Fan\nQty: 2\nPrice: €12.00\n\n" in html_to_text(RECEIPT, width=22)
