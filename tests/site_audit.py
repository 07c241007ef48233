"""What the built pages would fetch from elsewhere, and where their links lead. `make docs` runs it.

    python tests/site_audit.py site

Links (`<a href>`) may lead away: a reader follows them. What a page loads by itself may not.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

LOADED = {"src", "srcset", "poster", "data", "action"}
"""Attributes whose addresses a browser asks for by itself, or sends what was typed to."""
FETCHING = {
    "stylesheet",
    "preconnect",
    "dns-prefetch",
    "preload",
    "modulepreload",
    "prefetch",
    "icon",
    "manifest",
}
IN_STYLE = re.compile(r"""(?:@import\s+|url\()\s*["']?((?:https?:)?//[^"')\s]+)""")


class Page(HTMLParser):
    """One page: what it loads, where its links lead, and the names that links may lead to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.names |= {given[name] for name in ("id", "name") if name in given}
        self.loaded += [given[name] for name in LOADED & set(given)]
        self.loaded += IN_STYLE.findall(given.get("style", ""))
        if tag in ("a", "area"):
            self.links.append(given.get("href", ""))
        elif tag in ("use", "image"):
            self.loaded.append(given.get("href", given.get("xlink:href", "")))
        elif tag == "link" and FETCHING & set(given.get("rel", "").lower().split()):
            self.loaded.append(given.get("href", ""))

    def handle_data(self, data: str) -> None:
        if self.lasttag == "style":
            self.loaded += IN_STYLE.findall(data)


def outside(address: str) -> bool:
    """Whether an address, or one of a srcset's, lies on another host.

    >>> outside("https://example.org/a.js"), outside("//example.org/a.js"), outside("assets/a.js 2x, b.js")
    (True, True, False)
    """
    return any(urlsplit(part.strip()).netloc for part in address.split(","))


def faults(site: Path) -> Iterator[str]:
    """One line for each thing loaded from elsewhere, and each link within the site that leads nowhere."""
    pages = {path: Page(path.read_text("utf-8")) for path in sorted(site.rglob("*.html"))}
    if not pages:
        yield f"{site} has no pages"
    for path, page in pages.items():
        where = path.relative_to(site)
        yield from (f"{where} loads {address}" for address in page.loaded if outside(address))
        if path.name == "404.html":  # served at any address, so its links are written from the root
            continue
        for link in page.links:
            address, name = urldefrag(link)
            if urlsplit(address).scheme or urlsplit(address).netloc:
                continue
            target = (path.parent / unquote(address)).resolve() if address else path
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file():
                yield f"{where} links to {link}, which is not there"
            elif name and target in pages and unquote(name) not in pages[target].names:
                yield f"{where} links to {link}: no such place on that page"
    for path in sorted(site.rglob("*.css")):
        found = IN_STYLE.findall(path.read_text("utf-8"))
        yield from (f"{path.relative_to(site)} loads {address}" for address in found)


if __name__ == "__main__":
    found = list(faults(Path(sys.argv[1]).resolve()))
    print("\n".join(found) or "The pages load nothing from elsewhere, and all links lead somewhere.")
    sys.exit(bool(found))
