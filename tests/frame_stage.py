"""A site that shows one page in a frame, and one elsewhere that hears whoever asks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\x00\x00\x00\x00\x00,\x00\x00\x00\x00\x01"
    b"\x00\x01\x00\x00\x02\x02D\x01\x00;"
)


class Place(ThreadingHTTPServer):
    """What it has is in `pages`: path to type, headers and body. `asked` is every path."""

    daemon_threads = True

    def __init__(self, host):
        super().__init__((host, 0), _Answer)
        self.pages, self.asked = {}, []
        self.url = f"http://{host}:{self.server_port}"

    def put(self, path, body, headers=None):
        self.pages[path] = (headers or {}, body.encode())
        return self.url + path

    def frame(self, body, headers, *, sandbox=f' sandbox="{SANDBOX}"', scheme="normal"):
        """A page like that of an inbox, with the frame in it; its address."""
        self.put("/frame", body, headers)
        return self.put(
            "/",
            f'<!doctype html><title>inbox</title><iframe{sandbox} src="/frame" '
            f'style="width:600px;height:600px;color-scheme:{scheme}"></iframe>',
        )


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        path = urlsplit(self.path).path
        self.server.asked.append(self.path)
        headers, body = self.server.pages.get(path, ({}, b""))
        kind = "image/gif" if path.endswith(".gif") else "text/html; charset=utf-8"
        self.send_response(200 if path in self.server.pages or "gif" in kind else 404)
        for name, value in {"Content-Type": kind, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body or GIF)

    def do_POST(self):
        self.do_GET()

    def log_message(self, format, *args):
        """Nothing: the tests read `asked`."""


@contextmanager
def place(host="127.0.0.1") -> Iterator[Place]:
    server = Place(host)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def hostile(spy):
    """A page that tries all ways out that are known; each asks `spy` for its own path."""
    return f"""<!-- not first --><!doctype html>
<html manifest="{spy}/manifest" onclick="parent.postMessage(1, '*')"><head>
<base href="{spy}/base/">
<meta http-equiv="refresh" content="1; url={spy}/refresh">
<meta http-equiv="Content-Security-Policy" content="default-src * data: 'unsafe-inline'">
<meta name="referrer" content="unsafe-url">
<link rel="stylesheet" href="{spy}/sheet.css">
<link rel="preload" as="image" href="{spy}/preload.gif">
<link rel="prefetch" href="{spy}/prefetch"><link rel="dns-prefetch" href="{spy}">
<link rel="preconnect" href="{spy}"><link rel="icon" href="{spy}/icon.gif">
<link rel="modulepreload" href="{spy}/module">
<style>@import "{spy}/import1.css"; @import url({spy}/import2.css) screen;
@font-face {{ font-family: spy; src: url({spy}/font.woff) }}
h1 {{ background: url('{spy}/background.gif'); font-family: spy }}
h2 {{ background: u\\72l({spy}/escaped.gif); cursor: url({spy}/cursor.gif), auto }}
p::after {{ content: image-set("{spy}/image-set.gif" 1x) }}</style>
<script>top.document.title = "ran"; fetch("{spy}/fetch"); new Image().src = "{spy}/image.gif"</script>
<script src="{spy}/script.js"></script><ScRiPt/src="{spy}/script2.js"></sCrIpT>
</head><body onload="top.document.title = 'ran'" background="{spy}/body.gif">
<h1>Rich words</h1><h2>More</h2><p>Text</p>
<<script></script>img src=x onerror="top.document.title='ran'">
<img src="{spy}/pixel.gif" onerror="top.document.title = 'ran'" width="40" height="30" alt="A picture">
<img src=x: onerror="top.document.title='ran'"><image src="{spy}/image2.gif">
<img srcset="{spy}/srcset.gif 1x, {spy}/srcset2.gif 2x">
<picture><source srcset="{spy}/source.gif"><img alt=""></picture>
<table background="{spy}/table.gif"><tr><td style="background: url(&quot;{spy}/td.gif&quot;)">x</td></tr></table>
<video src="{spy}/video" poster="{spy}/poster.gif" autoplay></video>
<audio autoplay><source src="{spy}/audio"></audio><track src="{spy}/track">
<iframe src="{spy}/iframe"></iframe><iframe srcdoc="<script>top.document.title='ran'</script>"></iframe>
<object data="{spy}/object"></object><embed src="{spy}/embed"><applet code="{spy}/applet"></applet>
<svg onload="top.document.title='ran'"><script>top.document.title='ran'</script>
<image href="{spy}/svg.gif" /><use href="{spy}/use.svg#x" /><a xlink:href="javascript:top.document.title='ran'"><text>t</text></a></svg>
<svg><style><!--</style><a title="--><script>top.document.title='ran'</script>">x</a></svg>
<svg><![CDATA[><a title="]]><script>top.document.title='ran'</script>">x</a></svg>
<math><mtext><table><mglyph><style><!--</style><img title="--><img src=x: onerror=top.document.title='ran'>"></math>
<select><style></select><img src=x: onerror="top.document.title='ran'"></style></select>
<noscript><p title="</noscript><img src=x: onerror=top.document.title='ran'>"></noscript>
<form id="form" action="{spy}/form" method="post"><input name="a" autofocus onfocus="top.document.title='ran'">
<button id="send" formaction="{spy}/formaction">Send</button></form>
<input type="image" src="{spy}/input.gif">
<a id="js" href=" jav&#x09;ascript:top.document.title='ran'">js</a>
<a id="js2" target="_self" href="JAVASCRIPT&colon;top.document.title='ran'">js</a>
<a id="data" href="data:text/html,<script>top.document.title='ran'</script>">data</a>
<a id="vb" href="&#1;vbscript:x">vb</a>
<a id="home" href="/logout">home</a>
<a id="self" target="_self" href="#there" ping="{spy}/ping">there</a>
<details open ontoggle="top.document.title='ran'"><summary>d</summary></details>
<marquee onstart="top.document.title='ran'">m</marquee>
<style>/* never closed"""
