"""Compares the native engine with TextWorld, step by step; knows no third engine.

From a shell: `python -m alfworld_env.parity --games 20 --steps 60`.
"""

from alfworld_env.parity.comparison import Comparison, compare_game, differences

__all__ = ["Comparison", "compare_game", "differences"]
