"""A profile as JSON, for programs that read no YAML, such as the verifier that is filed with evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from pytest_audit_ledger.errors import OutputError, ProfileError
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.recipes.options import named
from pytest_audit_ledger.suite.profile_file import find_profile
from pytest_audit_ledger.suite.yaml_document import parse, read_text


def profile_json(profile: Profile) -> str:
    """Return what the file of a profile says, as JSON: the same keys and values, every key a text.

    The built-in profile is the shipped file of its name. Raises OutputError if the file was changed since it was read.
    """
    path = find_profile(profile.file or profile.name)
    content, text = read_text(path, path.name, "profile", ProfileError)
    if profile.digest and sha256(content).hexdigest() != profile.digest:
        raise OutputError(
            f"{path} was changed during the run, so it cannot be filed.", "Run again without changing it."
        )
    return text_as_json(text)


def text_as_json(text: str) -> str:
    """Return the text of a profile's file as JSON."""
    return f"{json.dumps(_with_texts(parse(text, 'profile').data), indent=2, ensure_ascii=False)}\n"


def _with_texts(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {named(key): _with_texts(value) for key, value in data.items()}
    return list(map(_with_texts, data)) if isinstance(data, list) else data
