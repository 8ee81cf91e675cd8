"""Faults in how sure answers are said to be, and how often alike."""

from ..mutant import Mutant

CERTAINTY, DECODING = "interlat/models/certainty.py", "interlat/models/decoding.py"
STABILITY, CONSISTENCY = (f"interlat/evaluation/{name}.py" for name in ("stability", "self_consistency"))
DECODED, TESTS = "tests/models/test_decoded_certainty.py", "tests/evaluation/test_stability.py"
WHOLE = f"{DECODED}::test_what_is_measured_is_what_a_whole_forward_gives"

FAULTS = [
    Mutant(
        "the stop token is not measured",
        DECODING,
        "certainties.add(running, logits, tokens)",
        "on = tokens != stop_id\n        certainties.add([r for r, o in zip(running, on) if o], logits[on], tokens[on])",
        f"{WHOLE}[True-as published]",
    ),
    Mutant(
        "certainty is that of the temperature",
        DECODING,
        "certainties.add(running, logits, tokens)",
        "certainties.add(running, logits / (sampling.temperature or 1), tokens)",
        f"{WHOLE}[False-as published]",
    ),
    Mutant(
        "rows are measured by their place among those that run",
        CERTAINTY,
        "for row, (nll, entropy) in zip(rows, found, strict=True):",
        "for row, (nll, entropy) in enumerate(found):",
        f"{WHOLE}[False-as published]",
    ),
    Mutant(
        "perplexity is the mean of the problems'",
        STABILITY,
        "perplexity=Interval(exp(nll / tokens), float(low), float(high)),",
        "perplexity=Interval(float(np.exp(table[:, 0] / table[:, 1]).mean()), float(low), float(high)),",
        f"{TESTS}::test_tokens_are_pooled_and_problems_drawn",
    ),
    Mutant(
        "the interval of a difference draws each side for itself",
        STABILITY,
        "changes = np.exp(resampled[:, 0] / resampled[:, 1]) - np.exp(resampled[:, 2] / resampled[:, 3])",
        "changes = np.exp(resampled[:, 0] / resampled[:, 1]) - np.exp(resampled[::-1, 2] / resampled[::-1, 3])",
        f"{TESTS}::test_a_difference_is_over_the_same_problems",
    ),
    Mutant(
        "of answers given as often, the one given last counts",
        CONSISTENCY,
        "max(_alike(answers), key=len, default=[])",
        "max(_alike(answers)[::-1], key=len, default=[])",
        "tests/evaluation/test_self_consistency.py::test_the_first_of_equals_is_that_of_the_first_run",
    ),
    Mutant(
        "no answer is an answer like any other",
        CONSISTENCY,
        "        if answer.invalid_actions:\n            continue\n",
        "",
        "tests/evaluation/test_self_consistency.py::test_answers_are_compared_as_they_are_graded[number-texts6-True-0.3333333333333333]",
    ),
]
