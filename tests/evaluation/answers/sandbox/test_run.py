"""Programs and tests in two processes behave as they would in one, for all that crosses between them."""

import pytest
from hostile_programs import CONFINES

from interlat.errors import InvalidSetting
from interlat.evaluation.answers.sandbox import Limits, run_tests

pytestmark = pytest.mark.skipif(not CONFINES, reason="this kernel has no Landlock, or no filter of system calls")

PROGRAM = """
import collections, fractions, decimal, numpy, re
from dataclasses import dataclass

@dataclass
class Pair:
    a: int
    b: int

class Node:
    def __init__(self, value): self.value, self.next = value, None
    def __eq__(self, other): return True
    def __len__(self): return 3
    def __getitem__(self, key): return key * 2
    def __contains__(self, item): return item == 5

def same(x): return x
def add(x, *, by=1): return x + by
def push(items): items.append(9)
def clean(table, seen): table.clear(); table["a"] = (1,); seen.add(3)
def numbers(): return (n * n for n in range(4))
def fail(kind): raise {"own": type("Own", (ValueError,), {}), "key": KeyError, "stop": StopIteration}[kind]("why")
def total(pairs): return sum(pair.a for pair in pairs)
Named = collections.namedtuple("Named", "x")
def kinds(): return [numpy.int64(3), numpy.float64(0.5), numpy.bool_(True), collections.Counter("aab"), True, Named(1)]
def call(function, x): return function(x)
def pick(items, kind): return [item for item in items if not isinstance(item, kind)]
"""


@pytest.mark.parametrize(
    "value",
    [
        "None",
        "True",
        "-7",
        "2 ** 200",
        "-(2 ** 53)",
        "1.5",
        "float('inf')",
        "'text \\n \\ud800 \\U0001f600'",
        "b'\\x00\\xff'",
        "bytearray(b'x')",
        "(1, [2, {3: (4,)}])",
        "{(1, 2): {3, 4}, None: frozenset({5})}",
        "range(3, 9, 2)",
        "1 + 2j",
        "collections.deque([1, 2])",
        "fractions.Fraction(-1, 3)",
        "decimal.Decimal('0.10')",
        "[[], {}, (), set(), '']",
        "int",
    ],
)
def test_plain_data_comes_back_as_it_was(value: str):
    tests = (
        f"import collections, fractions, decimal\nx = {value}\ny = same(x)\nassert y == x and type(y) is type(x), y\n"
    )
    assert run_tests(PROGRAM, tests, "same").reason == "passed"


BEHAVIOURS = [
    "assert add(1) == 2 and add(1, by=5) == 6 and add('a', by='b') == 'ab'",
    "import math\nassert math.isnan(same(float('nan')))",
    "items = [1]\nassert push(items) is None and items == [1, 9]",
    "table, seen = {1: 2}, set()\nclean(table, seen)\nassert table == {'a': (1,)} and seen == {3}",
    "assert list(numbers()) == [0, 1, 4, 9] and sum(numbers()) == 14 and set(numbers()) == {0, 1, 4, 9}",
    "assert next(numbers()) == 0",
    "assert kinds() == [3, 0.5, True, {'a': 2, 'b': 1}, True, (1,)]",
    "assert total([Pair(1, 2), Pair(3, 4)]) == 4 and Pair(5, 6).b == 6",
    "pair = Pair(1, 2)\npair.a = 7\nassert pair.a == 7 and total([pair]) == 7",
    "assert len(Node(1)) == 3 and Node(1)[4] == 8 and 5 in Node(1) and 6 not in Node(1) and Node(1)",
    "assert Node(1) != Node(1) and not (Node(1) == 1)",
    "node = Node(1)\nassert node == node and {node: 1}[node] == 1",
    "assert call(add, 3) == 4",
    "assert pick((1, 'a', 2.5), str) == [1, 2.5]",
    "try: fail('own')\nexcept ValueError as error: assert 'why' in str(error)\nelse: raise AssertionError",
    "try: fail('key')\nexcept KeyError: pass\nelse: raise AssertionError",
    "try: missing()\nexcept NameError: pass\nelse: raise AssertionError",
    "def check(candidate):\n    same = lambda x: 0\n    assert same(1) == 0 and candidate(1) == 2\ncheck(add)",
    "import re\nassert re.match('a', 'ab')",
    "assert fractions.Fraction(1, 2) is not None",  # a module that only the program imports
]


@pytest.mark.parametrize("tests", BEHAVIOURS)
def test_tests_do_with_a_program_what_they_would_beside_it(tests: str):
    assert run_tests(PROGRAM, tests, "same").reason == "passed"


@pytest.mark.parametrize(
    ("tests", "reason"),
    [
        ("assert add(1) == 3", "AssertionError"),
        ("assert add(1) == 3, 'too few'", "AssertionError: too few"),
        ("add()", "TypeError"),
        ("same(object())", "a test gives the program a object"),
        ("assert same(", "SyntaxError"),
        ("raise SystemExit", "SystemExit"),
        ("import os\nos._exit(0)", "the tests were ended: status 0"),
        ("while True: pass", "the tests were ended: SIGKILL"),
    ],
)
def test_what_fails_is_told(tests: str, reason: str):
    verdict = run_tests(PROGRAM, tests, "same", limits=Limits(processor_seconds=1))
    assert not verdict.passed
    assert reason in verdict.reason


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("def f(x) return x", "SyntaxError"),
        ("def g(x): return x", "the program defines no f"),
        ("import no_such_package", "ModuleNotFoundError"),
        ("", "the program defines no f"),
        ("\x00", "null bytes"),
    ],
)
def test_a_program_that_does_not_get_so_far_is_told(program: str, reason: str):
    assert reason in run_tests(program, "assert f(1) == 1", "f").reason


def test_limits_above_zero_only():
    with pytest.raises(InvalidSetting, match="wall_seconds must be above 0, got 0"):
        Limits(wall_seconds=0.0)
