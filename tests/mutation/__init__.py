"""Faults put into a copy of the library on purpose, each of which makes a named test fail. Knows nothing of what is right."""
