"""A text that remembers how it was given, so that suggested commands can repeat it."""

from __future__ import annotations


class NamedText(str):
    """The text of a key, or the path of a folder.

    `given` is the name of the key's file, or of the folder as it was typed; the text itself if it was given as such.
    """

    __slots__ = ("given",)
    given: str

    def __new__(cls, text: str, given: str) -> NamedText:
        """Take the text, and how it was given."""
        made = super().__new__(cls, text)
        made.given = given
        return made

    def __reduce__(self) -> tuple[type[NamedText], tuple[str, str]]:
        """Return what a copy in another process is made from."""
        return NamedText, (str(self), self.given)
