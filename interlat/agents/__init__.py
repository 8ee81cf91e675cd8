"""Senders and receivers: the roles language models play; knows nothing of environments or Lightning."""
