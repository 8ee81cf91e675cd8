"""What one agent sends another for one task, and how it is kept on disk. Knows no model, no agent and no control."""

from interlat.messages.files import load, save
from interlat.messages.kv import UNNAMED, Entries, KVMessage, Provenance, Span, SpanKind
from interlat.messages.message import LatentMessage, Message, Silence, TextMessage

__all__ = [
    "UNNAMED",
    "Entries",
    "KVMessage",
    "LatentMessage",
    "Message",
    "Provenance",
    "Silence",
    "Span",
    "SpanKind",
    "TextMessage",
    "load",
    "save",
]
