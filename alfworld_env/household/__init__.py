"""Household games: procedural games in ALFWorld's world and words, for machines without ALFWorld's own.

Knows nothing of engines: it writes problems that any of them can play.
"""

from alfworld_env.household.game import HouseholdGame, Rooms, household_games

__all__ = ["HouseholdGame", "Rooms", "household_games"]
