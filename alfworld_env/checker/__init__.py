"""Does an environment keep the contract? For environments of one's own; knows no particular one.

From a shell: `python -m alfworld_env.checker --env household --engine native --games 6`.
"""

from alfworld_env.checker.answers import ContractBroken, TextEnv
from alfworld_env.checker.episodes import check_env

__all__ = ["ContractBroken", "TextEnv", "check_env"]
