"""Rows of multiple-choice benchmarks, in the formats in which they are published; all become questions with lettered options."""

import pytest

from interlat.data.reasoning import Choice
from interlat.data.reasoning.rows import Fields
from interlat.data.reasoning.rows.choices import arc_row, gpqa_row, medqa_row
from interlat.errors import InvalidSetting

OPTIONS = ("dry palms", "wet palms", "oily palms")
ASKED = "Which skin gets warm?\nA. dry palms\nB. wet palms\nC. oily palms"
RIGHT = Choice("B", OPTIONS, ("A", "B", "C"))


@pytest.mark.parametrize("labels", [["A", "B", "C"], ["1", "2", "3"]])
def test_arc_of_the_hub_with_letters_or_numbers(labels: list[str]):
    """Fields of allenai/ai2_arc; 24 of its test questions are labelled with numbers."""
    row = {
        "id": "Mercury_1",
        "question": "Which skin gets warm?",
        "choices": {"text": list(OPTIONS), "label": labels},
        "answerKey": labels[1],
    }
    assert arc_row(row) == Fields(ASKED, RIGHT, "", "all", "Mercury_1")


def test_openbookqa_calls_its_question_a_stem():
    """Fields of allenai/openbookqa, main."""
    row = {
        "id": "7-980",
        "question_stem": "Which skin gets warm?",
        "choices": {"text": list(OPTIONS), "label": ["A", "B", "C"]},
        "answerKey": "B",
    }
    assert arc_row(row) == Fields(ASKED, RIGHT, "", "all", "7-980")


def test_commonsenseqa_has_five_options_and_a_concept():
    """Fields of tau/commonsense_qa, whose test questions have no answerKey."""
    row = {
        "id": "1afa02",
        "question": "Where is a revolving door convenient?",
        "question_concept": "revolving door",
        "choices": {"label": list("ABCDE"), "text": ["bank", "library", "department store", "mall", "new york"]},
        "answerKey": "A",
    }
    fields = arc_row(row)
    assert fields.question.endswith("\nD. mall\nE. new york")
    assert fields.answer == Choice("A", ("bank", "library", "department store", "mall", "new york"), tuple("ABCDE"))
    with pytest.raises(ValueError, match="no text under 'answerKey'"):
        arc_row({**row, "answerKey": ""})


def test_instructions_of_llm_adapters():
    row = {
        "instruction": (
            "Please choose the correct answer to the question: Which skin gets warm?\n\n"
            "Answer1: dry palms Answer2: wet palms Answer3: oily palms\n\nAnswer format: answer1/answer2/answer3"
        ),
        "input": "",
        "output": "the correct answer is answer2",
        "answer": "answer2",
    }
    assert arc_row(row) == Fields(ASKED, RIGHT, "", "all")
    with pytest.raises(ValueError, match="has 3 options, and the right one is number 4"):
        arc_row({**row, "answer": "answer4"})
    with pytest.raises(ValueError, match="no question, options and answer format"):
        arc_row({**row, "instruction": "Which?"})


def test_medqa_of_the_hub():
    """Fields of GBaker/MedQA-USMLE-4-options."""
    row = {
        "question": "Which skin gets warm?",
        "answer": "wet palms",
        "options": dict(zip("ABC", OPTIONS, strict=True)),
        "meta_info": "step1",
        "answer_idx": "B",
        "metamap_phrases": ["skin"],
    }
    assert medqa_row(row) == Fields(ASKED, RIGHT, "", "step1")


@pytest.mark.parametrize("times", [0, 1, 2])
def test_medqa_of_latentmas_repeats_its_options(times: int):
    listed = ["A. dry palms", "B. wet palms ", "C. oily palms"]
    row = {
        "idx": 4,
        "question": "\n\n".join(["Which skin gets warm?", *["\n".join(listed)] * times]),
        "options": listed,
        "answer": "wet palms",
    }
    assert medqa_row(row) == Fields(ASKED, RIGHT, "", "all")
    with pytest.raises(ValueError, match="is not in list"):
        medqa_row({**row, "answer": "cold palms"})


GPQA = {
    "Question": "What is it?",
    "Correct Answer": "right\n",
    "Incorrect Answer 1": "first",
    "Incorrect Answer 2": "second",
    "Incorrect Answer 3": "third",
    "Explanation": "It is so.",
    "High-level domain": "Physics",
    "Record ID": "rec1",
}


def test_gpqa_of_its_authors_is_shuffled_the_same_way_each_time():
    fields = gpqa_row(GPQA)
    assert fields == gpqa_row(dict(GPQA))
    assert isinstance(fields.answer, Choice)
    assert fields.answer.options[fields.answer.labels.index(fields.answer.label)] == "right"
    assert set(fields.answer.options) == {"right", "first", "second", "third"}
    assert (fields.task_type, fields.name) == ("physics", "rec1")
    assert fields.solution == f"It is so.\nThe answer is \\boxed{{{fields.answer.label}}}."


def test_the_right_option_of_gpqa_stands_anywhere():
    """Of 400 questions, about 100 each; 5 standard deviations are 43."""
    labels = [str(gpqa_row({**GPQA, "Question": f"What is {number}?"}).answer) for number in range(400)]
    assert all(57 < labels.count(label) < 143 for label in "ABCD")


def test_gpqa_with_options_in_its_question():
    """Fields of fingertap/GPQA-Diamond."""
    row = {"question": "What is it?\nA. first\nB. right\nC. second\nD. third", "answer": "B"}
    assert gpqa_row(row) == Fields(row["question"], Choice("B"), "", "all")


def test_options_and_labels_go_together():
    with pytest.raises(InvalidSetting, match="the right option is 'E', but the options are A, B, C, D"):
        Choice("E")
    with pytest.raises(InvalidSetting, match="2 options have 4 labels"):
        Choice("A", ("one", "two"))
    with pytest.raises(ValueError, match="has 1 options"):
        arc_row({"question": "q", "choices": {"text": ["one"], "label": ["A"]}, "answerKey": "A"})
