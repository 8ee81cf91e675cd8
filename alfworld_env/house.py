"""A house told in words, as one who had seen all of it would; knows no episode."""

from alfworld_env.games import Game, GameData
from alfworld_env.problem import parse_problem


def house_view(game: Game | GameData) -> str:
    """Where things are before the first command.

    Returns:
        One sentence a line for each thing, in the order the game lists things, such as "There is a mug 2 in cabinet 3."
        ("on the ..." where the receptacle has no door), numbered as the game does. A thing that the game shows in two
        receptacles has two sentences.
    """
    problem = parse_problem((game if isinstance(game, GameData) else game.load()).problem)
    reachable = {receptacle for receptacle, _ in problem.places}
    return "\n".join(
        f"There is a {problem.names[thing]} {'in' if receptacle in problem.flags['openable'] else 'on'} {problem.names[receptacle]}."
        for thing, receptacle in sorted((thing, place) for place in reachable for thing in problem.contents[place])
    )
