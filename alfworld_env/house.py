"""A house told in words, as one who had seen all of it would; knows no episode."""

from alfworld_env.games import Game, GameData
from alfworld_env.problem import parse_problem


def house_view(game: Game | GameData) -> str:
    """Where things are before the first command.

    Returns:
        One sentence a line for each receptacle that holds something, in the order the game lists receptacles, such as
        "In the cabinet 3: mug 2, plate 1." ("On the ..." where the receptacle has no door), numbered as the game does.
    """
    problem = parse_problem((game if isinstance(game, GameData) else game.load()).problem)
    sentences = []
    for receptacle in dict.fromkeys(receptacle for receptacle, _ in problem.places):
        things = sorted(problem.contents[receptacle])
        if things:
            word = "In" if receptacle in problem.flags["openable"] else "On"
            listed = ", ".join(problem.names[thing] for thing in things)
            sentences.append(f"{word} the {problem.names[receptacle]}: {listed}.")
    return "\n".join(sentences)
