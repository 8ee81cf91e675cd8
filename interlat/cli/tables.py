"""`interlat-report --table STUDY RUNS --out DIR`: tables over seeds, as a paper prints them, from finished evaluations."""

from collections.abc import Sequence
from pathlib import Path

from interlat.cli.terminal import table_console
from interlat.evaluation.provenance import commit
from interlat.evaluation.seed_results import SeedResults
from interlat.evaluation.seed_tables import FilledRow
from interlat.evaluation.study import read_study
from interlat.evaluation.table_files import write_tables


def tables_command(description: Path, runs: Path, out: Path, command: str) -> None:
    """Write a study's tables and say what is missing from them.

    Args:
        description: of the study.
        runs: folder that holds its runs.
        out: folder for the tables.
        command: as it was typed.

    Raises:
        InvalidSetting: if the description cannot be read.
        EpisodesMismatch: if there is no finished evaluation, or one of other settings.
    """
    study = read_study(description)
    written = write_tables(SeedResults(study, runs), out, command, commit())
    console = table_console()
    for name, rows in written.items():
        console.print(f"{out / name}.md, .json, .png: {_completeness(rows)}", soft_wrap=True, highlight=False)


def _completeness(rows: Sequence[FilledRow]) -> str:
    missing = [each for row in rows for each in row.missing]
    return (
        f"{len(rows)} rows" if not missing else f"{len(rows)} rows, {len(missing)} evaluations missing (listed there)"
    )
