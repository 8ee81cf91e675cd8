"""What a row of each published benchmark means, as a function from the row. Knows no file and no grader."""

from interlat.data.reasoning.rows.fields import Fields

__all__ = ["Fields"]
