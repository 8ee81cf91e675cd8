"""Looks into trained runs: what messages hold, how the actor came to read them, and what a shorter message costs.

One analysis a file: a pure function that returns a frozen dataclass, a table and a drawing. Knows nothing of command lines.
"""
