"""How well a text of a page stands out from what is behind it (WCAG 2, 1.4.3)."""

from __future__ import annotations

__all__ = ["CONTRAST"]

CONTRAST = """element => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const text = luminance(parse(getComputedStyle(element).color));
  let behind = element;
  const ground = e => parse(getComputedStyle(e).backgroundColor);
  while (behind.parentElement && ground(behind)[3] === 0) behind = behind.parentElement;
  const back = luminance(ground(behind));
  return (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
}"""
