"""Reading a report back, as an HTML parser sees it."""

from __future__ import annotations

import base64
from html.parser import HTMLParser

from affect_client import wire

VOID = {"meta", "link", "br", "img", "input"}


class Page(HTMLParser):
    """The elements of a report, and the text of each by its path or id."""

    def __init__(self, html: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self._open: list[str] = []
        self.feed(html.decode("utf-8"))
        self.close()
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
            self.texts.append((tuple(self._open), ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self._open, f"</{tag}> without its beginning"
        assert self._open[-1] == tag, f"</{tag}> closes <{self._open[-1]}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if self.texts and self._open:
            path, text = self.texts[-1]
            if path == tuple(self._open):
                self.texts[-1] = (path, text + data)
            else:
                self.texts.append((tuple(self._open), data))

    def text(self, tag: str) -> list[str]:
        """Text directly in every element of this name, in order."""
        return [text for path, text in self.texts if path[-1] == tag]

    def scripts(self) -> list[tuple[dict[str, str | None], str]]:
        """Attributes and text of every script element."""
        attributes = [attrs for tag, attrs in self.tags if tag == "script"]
        return list(zip(attributes, self.text("script"), strict=True))

    @property
    def answer(self) -> wire.Prediction:
        """The answer that the page holds."""
        (text,) = [text for attrs, text in self.scripts() if attrs.get("id") == "answer"]
        return wire.Prediction.model_validate_json(text)

    @property
    def pieces(self) -> list[bytes]:
        """The clip's pieces, each decoded by itself."""
        return [base64.b64decode(text, validate=True) for text in self.text("template")]
