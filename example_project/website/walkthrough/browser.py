"""As much of a browser as the walk through the site needs: cookies, forms, CSRF tokens."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, ProxyHandler, Request, build_opener

HIDDEN_FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
TIMEOUT = 30  # seconds; a page that takes longer is a failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    url: str
    status: int
    text: str

    @property
    def words(self) -> str:
        """What a reader sees: the text without tags, each space of any kind a single one."""
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", self.text)).split())


class Browser:
    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        # No proxy, whatever the environment says: this talks to the same machine.
        self._opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(CookieJar()))

    def get(self, path: str) -> Page:
        return self._open(Request(urljoin(self.base_url, path)))  # noqa: S310 (our own http)

    def submit(
        self, path: str, fields: dict[str, str], *, to: str | None = None
    ) -> Page:
        """Open the page, fill in its form and send it, to another path if the form says so."""
        page = self.get(path)
        hidden = HIDDEN_FIELD.findall(page.text)
        if not hidden:
            return page  # whoever expected a form will say what is there instead
        target = urljoin(self.base_url, to) if to else page.url
        given = {name: html.unescape(value) for name, value in hidden}
        return self.post(target, {**given, **fields})

    def post(self, path: str, fields: dict[str, str]) -> Page:
        url = urljoin(self.base_url, path)
        return self._open(Request(url, data=urlencode(fields).encode()))  # noqa: S310 (our own http)

    def _open(self, request: Request) -> Page:
        try:
            response = self._opener.open(request, timeout=TIMEOUT)
        except HTTPError as error:
            response = error
        with response:
            return Page(
                url=response.url, status=response.status, text=response.read().decode()
            )
