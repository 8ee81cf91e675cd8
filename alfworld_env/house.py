"""A house told in words, as one who had seen all of it would; knows no episode."""

from alfworld_env.games import Game, GameData
from alfworld_env.problem import parse_problem


def house_view(game: Game | GameData) -> str:
    """Where things are before the first command.

    Returns:
        One line for each thing, in the order the game lists things, such as "mug 2: cabinet 3", numbered as the game does.
        A thing that the game shows in two receptacles has two lines.
    """
    problem = parse_problem((game if isinstance(game, GameData) else game.load()).problem)
    reachable = {receptacle for receptacle, _ in problem.places}
    held = sorted((thing, receptacle) for receptacle in reachable for thing in problem.contents[receptacle])
    return "\n".join(f"{problem.names[thing]}: {problem.names[receptacle]}" for thing, receptacle in held)
