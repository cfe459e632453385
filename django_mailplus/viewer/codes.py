"""The one-time codes of a mail: a line becomes a string of kinds, and rules look at that.

"Your code is 482913." is read as "wniL.": a word, a name of a code, "is", a long number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import IntEnum
from functools import partial

from django_mailplus.viewer.code_words import ENDINGS, KINDS
from django_mailplus.viewer.finding import html_text
from django_mailplus.viewer.parsing import MessageView

__all__ = ["codes_in"]

_SEARCH_LIMIT = 200_000  # characters; a code stands in short mails
_LONGEST = 24  # characters of a code
_BEFORE, _AFTER = 16, 12  # words around a number that say what it is
_LINE_ABOVE = 200  # characters of the line above in which they are


class _Sure(IntEnum):
    """How sure it is that a number is a code; only the surest of a mail are told."""

    NEVER = 0
    UNKNOWN = 1
    NEAR = 2  # a code is spoken of in the same sentence
    SHOP = 3  # a code for a discount, which nobody signs in with
    LIKELY = 4
    CERTAIN = 5


_TOKEN = re.compile(
    # Numbers of several parts, such as dates, prices and phone numbers, are one.
    r"[0-9]++(?:[ \u00a0.,:/-][0-9]++)++(?:-?\w++)*+"
    r"|[#/=+&]\w++(?:[ .-][0-9]++)*+"
    r"|\w++(?:[-\u2010\u2011']\w++)*+"
    r"|[.!?;,:=€$£¥₽₩%№@\u2013\u2014\u3001\u3002\uff01\uff0c\uff1a\uff1b\uff1f-]"
)
# Chinese, Japanese and Korean: of a run without spaces the words that we know are taken.
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]+")
_KNOWN = re.compile(
    "|".join(sorted(filter(_UNSPACED.match, KINDS), key=len, reverse=True))
)
# A line without any of these has no code: most lines need no more than this look.
_MAY_HAVE_ONE = re.compile(
    "[0-9]{3}|[0-9][A-Za-z ]|[A-Za-z][0-9]|[A-Z]{3}[\u2010\u2011-][A-Z]{3}"
    r"|[:\uff1a]\W{0,3}[A-Z]{4}"
)
_GAP = "[ \u00a0\u2010\u2011-]"
_HYPHEN = "[\u2010\u2011-]"
# Capital letters for what looks like a code, and in that differ from all kinds of words.
_SHAPE = re.compile(
    # Y, a year or a day: also a code, if it is called one.
    r"(?P<Y>(?:19|20)[0-9]{2}(?:(?:0[1-9]|1[0-2])(?:[0-2][0-9]|3[01]))?)"
    # L, long: hardly ever anything else.
    rf"|(?P<L>[0-9]{{6,8}}|[0-9]{{3}}{_GAP}[0-9]{{3}}|[0-9](?:[ ][0-9]){{5,7}}"
    rf"|(?!(?:19|20)[0-9]{{2}}{_GAP}(?:19|20))[0-9]{{4}}{_GAP}[0-9]{{4}})"
    # S, short, or capitals with digits.
    r"|(?P<S>[0-9]{4,5}|(?=[A-Z]*[0-9])[A-Z0-9]{5,8}"
    rf"|(?=[A-Z]*{_HYPHEN}?[A-Z]*[0-9])[A-Z0-9]{{4}}{_HYPHEN}[A-Z0-9]{{4}})"
    # O, odd: also what products and files are called.
    rf"|(?P<O>[A-Z]{{1,2}}-[0-9]{{4,6}}|[A-Z0-9]{{3,5}}(?:{_HYPHEN}[A-Z0-9]{{3,5}}){{1,3}}"
    rf"|(?=[A-Za-z]*[0-9])[A-Za-z0-9]{{5,8}}"
    rf"|(?=[a-z\u2010\u2011-]*[0-9])[a-z0-9]{{3,5}}(?:{_HYPHEN}[a-z0-9]{{3,5}}){{1,3}})"
)
_NOT_TYPED = re.compile(r"^[A-Z]{1,2}-(?=[0-9]+$)|[^A-Za-z0-9]")

# Two words that mean a third thing together take its kind; one of them is n or m.
_PHRASES = (
    (re.compile("[xo]n|nd?x"), "o"),  # zip code, booking code, código de erro
    (re.compile("g[dw]?m|m[dw]{0,3}g|nm"), "n"),  # security number, hasło jednorazowe
    (re.compile("ln|nd?l"), "l"),  # promo code, code promo
)
# Of a code that is named by {n}. A slash is the end of a line.
_NAMED = (
    "{n}[:it-]{{0,2}}[LSO]",  # code: 482913
    "{n}[^./]{{0,14}}[:it][LSO]",  # code for the site is 482913
    "{n}[dgw]{{0,3}}:C[./]",  # code: QWERTZ
    "[LSO][it][wgdi]{{0,6}}{n}",  # 482913 is your code
    "[LO][,-][wgdi]{{0,6}}{n}|[LSO]-[wgdi]{{0,6}}{n}",
    "^[^0]*{n}[^0/]{{0,15}}/[LSYO][./]",  # alone, and the line above has the name
    "{n}[^./]{{0,9}}[:it]/[LSO]",
)
_RULES = tuple(
    (re.compile(pattern), sure)
    for pattern, sure in (
        ("[oxm][om.:i-]{0,3}[A-Z]|[oxm][om:i]{0,2}/[A-Z]", _Sure.NEVER),
        ("c[A-Z]|[A-Z][cu]|[A-Z]i[wdgi]{0,3}[oxm]", _Sure.NEVER),
        ("o[wgnd]{0,4}t[A-Z]", _Sure.NEVER),  # sent a code to 10042
        ("n[:it]{0,2}Y|Y[it]w?g?n", _Sure.CERTAIN),
        ("n[:i-]{0,2}[LSO][^./]{0,8}l", _Sure.SHOP),
        ("|".join(_NAMED).format(n="l"), _Sure.SHOP),
        ("|".join(_NAMED).format(n="n"), _Sure.CERTAIN),
        ("v[:w]?[LS][^./]{0,8}g|g[^./]{0,8}v[:w]?[LS]", _Sure.CERTAIN),
        ("n(?:d?g|dw){1,3}[LS]|v:?L|g[^./o]{0,6}:L|L[td]w?g|/[LS][./]", _Sure.LIKELY),
        ("n[^./o]*L|L[^./o]*n", _Sure.NEAR),
    )
)
_CODE = re.compile("[A-Z]")
_SHOUTED = re.compile("(?<!:)C")
_ALL_ENDINGS = tuple(end for ends, _ in ENDINGS for end in ends)
_OTHERS = str.maketrans("YLSOC", "00000")
_ALSO = re.compile(",?w?|/")  # between two codes of a list
_LINK = 3  # more kinds than that do not match it
_ADDRESS = re.compile(r"https?://\S*|HTTPS?://\S*")
_HOST = re.compile(r"@\S*")
# A long line that goes on with a letter was broken by whoever sent it.
_BROKEN = re.compile(r"\n(?<=[^\n]{50}\n)(?=[^\W\d])")
_BULLETS = " \t\u00a0*\u2022\u00b7>|-\u2013\u2014"


def codes_in(view: MessageView) -> tuple[str, ...]:
    """One-time codes, each once, as they are typed: without the space or hyphen inside.

    A code is a short number, or letters with digits, that stands alone on its line or that
    the words beside it call a code. Prices, dates, years, phone and order numbers are none;
    a code for a discount is one only in a mail without another.
    """
    found = [*_codes_of(f"{view.subject}\n\n{view.text or ''}")]
    if not found:
        found = [*_codes_of(f"{view.subject}\n\n{html_text(view.html or '')}")]
    surest = max((sure for sure, _ in found), default=None)
    return tuple(dict.fromkeys(code for sure, code in found if sure == surest))


def _codes_of(text: str) -> Iterator[tuple[_Sure, str]]:
    text = _HOST.sub("@ ", _ADDRESS.sub(" ", text[:_SEARCH_LIMIT]))
    text = _UNSPACED.sub(_spaced, _BROKEN.sub(" ", text)).replace("\u2019", "'")
    above, words_above, since, last = "", "", ".", ("", _Sure.UNKNOWN)
    for line in text.splitlines():
        said = line.strip(_BULLETS)
        if not said:
            continue
        tokens, kinds = _read(said) if _MAY_HAVE_ONE.search(said) else ([], "")
        words, end = kinds.translate(_OTHERS), 0
        for found in _CODE.finditer(kinds):
            place = found.start()
            if place:
                before = words[max(0, place - _BEFORE) : place]
            else:
                words_above = words_above or _words(above[-_LINE_ABOVE:])
                before = words_above[-_BEFORE:]
            sure = _judge(before + found[0] + words[place + 1 : place + 1 + _AFTER])
            since = since[-_LINK:] + kinds[end:place]
            token = tokens[place]
            if sure and len(token) == len(last[0]) and _ALSO.fullmatch(since):
                sure = max(sure, last[1])
            if sure > _Sure.UNKNOWN:
                yield sure, _NOT_TYPED.sub("", token)
            end, since, last = place + 1, "", (token, sure)
        since = since[-_LINK:] + (kinds[end:] or ".")
        above, words_above = said, words


def _read(line: str) -> tuple[list[str], str]:
    tokens = _TOKEN.findall(line)
    kinds = "".join(
        [KINDS.get(word := token.lower()) or _kind(token, word) for token in tokens]
    )
    if "n" in kinds or "m" in kinds:
        for phrase, kind in _PHRASES:
            kinds = phrase.sub(partial(_all_of, kind), kinds)
    return tokens, f"{_SHOUTED.sub('w', kinds)}/"


def _spaced(run: re.Match[str]) -> str:
    return f" {' '.join(_KNOWN.findall(run[0]))} "


def _all_of(kind: str, found: re.Match[str]) -> str:
    return kind * len(found[0])


def _kind(token: str, word: str) -> str:
    if not token.isalpha():
        if len(token) <= _LONGEST and (shape := _SHAPE.fullmatch(token)):
            return shape.lastgroup or ""
    elif 4 <= len(token) <= 8 and token.isupper() and token.isascii():
        return "C"  # capitals: also what is shouted
    if word.endswith(_ALL_ENDINGS):
        return next(kind for ends, kind in ENDINGS if word.endswith(ends))
    return "w"


def _words(line: str) -> str:
    return _read(line)[1].translate(_OTHERS)


def _judge(around: str) -> _Sure:
    for rule, sure in _RULES:
        if rule.search(around):
            return sure
    return _Sure.UNKNOWN
