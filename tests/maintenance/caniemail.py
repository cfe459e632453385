"""Writes django_mailplus/viewer/verdict/caniemail.json anew, from the data of caniemail.com.

`npm pack caniemail` gives a package with that data; then
`python tests/maintenance/caniemail.py package/dist/data/caniemail.json`. Of each client
the newest version is kept, without the notes: a letter for each in the order of `clients`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TARGET = (
    Path(__file__).resolve().parents[2]
    / "django_mailplus/viewer/verdict/caniemail.json"
)
LEAST = 0.8  # of the features a client must have been tested for
UNKNOWN = "u"


def compact(data: dict[str, Any]) -> dict[str, Any]:
    features = sorted(data["data"], key=lambda feature: str(feature["slug"]))
    tested: dict[tuple[str, str], int] = {}
    for feature in features:
        for client in _newest(feature):
            tested[client] = tested.get(client, 0) + 1
    clients = sorted(c for c, count in tested.items() if count >= LEAST * len(features))
    family, platform = data["nicenames"]["family"], data["nicenames"]["platform"]
    return {
        "source": "https://www.caniemail.com, see LICENSE.caniemail",
        "date": data["last_update_date"][:10],
        "clients": [f"{family[name]} ({platform[kind]})" for name, kind in clients],
        "features": {
            feature["slug"]: [
                feature["title"].strip(),
                "".join(_newest(feature).get(client, UNKNOWN) for client in clients),
            ]
            for feature in features
        },
    }


def _newest(feature: dict[str, Any]) -> dict[tuple[str, str], str]:
    """y, n, a (partly) or u for each client; versions stand in the order of their tests."""
    return {
        (name, kind): str(list(versions.values())[-1])[0]
        for name, kinds in feature["stats"].items()
        for kind, versions in kinds.items()
    }


def written(compacted: dict[str, Any]) -> str:
    """A line for each client and feature, so that a change can be read."""
    lines = json.dumps(compacted, ensure_ascii=False, indent=1)
    for old, new in (('[\n   "', '["'), (',\n   "', ', "'), ('"\n  ]', '"]')):
        lines = lines.replace(old, new)
    return lines + "\n"


if __name__ == "__main__":
    source = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    TARGET.write_text(written(compact(source)), encoding="utf-8")
    print(f"{len(source['data'])} features of {source['last_update_date']}")
