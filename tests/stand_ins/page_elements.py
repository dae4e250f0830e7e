"""What a browser would find in a page, for the tests of pages."""

from __future__ import annotations

import html.parser


class PageElements(html.parser.HTMLParser):
    """A page's elements with the names of their attributes, and all that it links to or loads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.feed(page)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.found]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
