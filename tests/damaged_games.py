"""Damaged game files: file number n is always the same, so that a failure is found again with its number.

Knows no test and no engine.
"""

import json
import random
import re

KEYS = ("pddl_problem", "pddl_domain", "grammar", "walkthrough", "solvable")
ODD_NUMBERS = (0, -1, 1.5, 10**400, float("nan"), float("inf"))
ODD_VALUES = (
    None,
    True,
    False,
    *ODD_NUMBERS,
    "",
    "\x00",
    "\ud800",
    "é" * 1000,
    [],
    {},
    {"look": 1},
    ["\ud800"],
    [""],
    "look",
)
ODD_WORDS = (
    *(
        "",
        "x",
        "-",
        "?o",
        "and",
        "not",
        "()",
        "(",
        ")",
        "((",
        "))",
        "0",
        "9" * 5000,
        "1e999",
        ";",
        '"',
        "\\",
        "\x00",
        "é",
    ),
    *("_bar_", "_bar_01", "Mug_bar_", "Mug_bar_99", "basin_bar_1", "agent1", "agent2", "AppleType", "loc_bar_00", "中"),
    *(":init", ":goal", "\u2028", "\u00a0", "\u200b", "Fridge_bar_01 Fridge_bar_01", "(openable agent1)", "(= a b)"),
)


def whole_game(data):
    grammar = 'grammar :: """{"task": [{"rhs": "Your task is to: ' + data.task + '"}]}"""'
    return {
        "pddl_domain": "(define (domain alfred))",
        "grammar": grammar,
        "pddl_problem": data.problem,
        "solvable": True,
        "walkthrough": list(data.walkthrough),
    }


# Damage to the bytes of a file


def flipped(rng, content):
    content = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 20))):
        content[rng.randrange(len(content))] = rng.randrange(256) if rng.random() < 0.3 else rng.randrange(32, 127)
    return bytes(content)


def cut(rng, content):
    return content[: rng.randrange(len(content))]


def without_a_piece(rng, content):
    start = rng.randrange(len(content))
    return content[:start] + content[start + rng.choice((1, 10, 1000)) :]


def with_a_piece_twice(rng, content):
    start, length = rng.randrange(len(content)), rng.choice((1, 10, 1000))
    return content[: start + length] + content[start:]


def with_strange_bytes(rng, content):
    start = rng.randrange(len(content))
    return content[:start] + rng.randbytes(rng.choice((1, 4, 100))) + content[start:]


def in_another_encoding(rng, content):
    text = content.decode()
    place = rng.randrange(len(text))
    text = text[:place] + "é" + text[place:]
    return text.encode(rng.choice(("utf-16", "utf-32-be", "latin-1", "cp1252", "utf-8-sig", "utf-7")))


def of_another_kind(rng, content):
    return rng.choice(
        (
            *(
                b"",
                b"null",
                b"[]",
                b"{}",
                b"NaN",
                b'"look"',
                b"{}" + content,
                content + content,
                b"1" * 10_000,
                b"\x00" * 100,
            ),
            *(content[:-1] + b', "more": ' + b"[" * 50 + b"]" * 50 + b"}", content[:-1] + b', "pddl_problem": ""}'),
            *(content[:-1] + b', "more": ' + b"1" * 1000 + b"}", content[:-1] + b', "more": ' + b"1" * 10_000 + b"}"),
        )
    )


# Damage to the fields of a game


def without_a_key(rng, game):
    del game[rng.choice(KEYS)]


def with_another_value(rng, game):
    game[rng.choice(KEYS)] = rng.choice(ODD_VALUES)


def with_two_fields_exchanged(rng, game):
    one, other = rng.sample(KEYS, 2)
    game[one], game[other] = game[other], game[one]


def with_a_field_cut(rng, game):
    key = rng.choice(("pddl_problem", "grammar", "walkthrough"))
    game[key] = game[key][: rng.randrange(len(game[key]))]


# Damage to the problem of a game


def pieces(text, pattern):
    return [found.span() for found in re.finditer(pattern, text)]


def with_facts_left_out(rng, text):
    for _ in range(rng.choice((1, 1, 3, 30))):
        start, end = rng.choice(pieces(text, r"\([^()]*\)") or [(0, 0)])
        text = text[:start] + text[end:]
    return text


def with_facts_repeated(rng, text):
    for _ in range(rng.choice((1, 3))):
        start, end = rng.choice(pieces(text, r"\([^()]*\)"))
        place = rng.choice(pieces(text, r"\([^()]*\)"))[0]
        text = text[:place] + text[start:end] + text[place:]
    return text


def with_facts_in_another_order(rng, text):
    facts = pieces(text, r"\([^()]*\)")
    (a, b), (c, d) = sorted(rng.sample(facts, 2))
    return text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]


def with_a_word_changed(rng, text):
    start, end = rng.choice(pieces(text, r"[^\s()]+"))
    word = rng.choice((*ODD_WORDS, text[slice(*rng.choice(pieces(text, r"[^\s()]+")))], text[start:end] * 2))
    return text[:start] + word + text[end:]


def with_a_word_changed_everywhere(rng, text):
    start, end = rng.choice(pieces(text, r"[^\s()]+"))
    return text.replace(text[start:end], rng.choice((*ODD_WORDS, text[slice(*rng.choice(pieces(text, r"[^\s()]+")))])))


def with_a_parenthesis_moved(rng, text):
    place = rng.choice([place for place, letter in enumerate(text) if letter in "()"])
    rest = text[:place] + text[place + 1 :]
    other = rng.randrange(len(rest))
    return rest[:other] + rng.choice(("", text[place], "(" * 2000, ")", "(and ", "(not ")) + rest[other:]


def with_a_section_changed(rng, text):
    start, end = text.index("(:init"), text.index("(:goal")
    init, goal = text[start:end], text[end:]
    return rng.choice(
        (
            *(
                text[:start] + goal,
                text[:end],
                init + goal,
                goal + init,
                text[:end] + init + goal,
                text + text,
                text[:start],
            ),
            *(
                text.replace("(:init", "( :INIT "),
                text.replace(":goal", ":aim"),
                text[:end] + goal[: rng.randrange(len(goal))],
            ),
        )
    )


def with_the_goal_changed(rng, text):
    start = text.index("(:goal")
    change = rng.choice((with_facts_left_out, with_a_word_changed, with_facts_repeated, with_facts_in_another_order))
    return text[:start] + change(rng, text[start:])


OF_BYTES = (flipped, cut, without_a_piece, with_a_piece_twice, with_strange_bytes, in_another_encoding, of_another_kind)
OF_FIELDS = (without_a_key, with_another_value, with_another_value, with_two_fields_exchanged, with_a_field_cut)
OF_PROBLEMS = (
    *(with_facts_left_out, with_facts_repeated, with_facts_in_another_order, with_a_word_changed, with_a_word_changed),
    *(with_a_word_changed_everywhere, with_a_parenthesis_moved, with_a_section_changed, with_the_goal_changed),
)


def damaged(games, number):
    """The bytes of a damaged file, and what was done to it."""
    rng = random.Random(number)
    game = whole_game(games[number % len(games)])
    change = rng.choice((*OF_BYTES, *OF_FIELDS, *OF_PROBLEMS, *OF_PROBLEMS))
    if change in OF_PROBLEMS:
        game["pddl_problem"] = change(rng, game["pddl_problem"])
        if rng.random() < 0.2 and len(pieces(game["pddl_problem"], r"\([^()]*\)")) > 3:
            game["pddl_problem"] = rng.choice(OF_PROBLEMS[:6])(rng, game["pddl_problem"])
    elif change in OF_FIELDS:
        change(rng, game)
    content = json.dumps(game, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    return (change(rng, content) if change in OF_BYTES else content), change.__name__
