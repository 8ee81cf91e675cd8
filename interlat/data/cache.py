"""Folders named by what made their content, so that equal settings share work and other settings never mix."""

import hashlib
import json
from pathlib import Path


def content_folder(root: Path | str, kind: str, settings: dict[str, object]) -> Path:
    """``<root>/<kind>-<hash of the settings>``; two settings share a folder only if they are equal."""
    text = json.dumps(settings, sort_keys=True, default=str)
    return Path(root) / f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
