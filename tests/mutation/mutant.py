"""One fault put into the library on purpose, and the tests that must notice it. Knows nothing of how tests are run."""

import shutil
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "interlat"


@dataclass(frozen=True)
class Mutant:
    """A fault.

    Args:
        fault: what is wrong, in words; names the mutant.
        file: where, from the checkout's root.
        source: the text that is right; occurs once in the file.
        replacement: the text that is wrong.
        test: node id, from the checkout's root, of the test that must fail by an assertion.
    """

    fault: str
    file: str
    source: str
    replacement: str
    test: str

    def applied_to(self, text: str) -> str:
        """The file's text with the fault in it.

        Raises:
            LookupError: if the text to replace is not there exactly once.
        """
        found = text.count(self.source)
        if found != 1:
            raise LookupError(
                f"wanted the text of mutant {self.fault!r} once in {self.file}, found it {found} times; "
                f"the code has moved on, so write the mutant anew: {self.source!r}"
            )
        return text.replace(self.source, self.replacement)


def copy_with_fault(mutant: Mutant | None, root: Path, target: Path) -> Path:
    """Copy the package into ``target``, compiled files too, and put the fault into the copy; the checkout stays as it is."""
    # Compiled files on their way to their name (x.pyc.1234) vanish while they are copied.
    shutil.copytree(root / PACKAGE, target / PACKAGE, ignore=shutil.ignore_patterns("*.pyc.*"))
    if mutant is not None:
        file = target / mutant.file
        file.write_text(mutant.applied_to(file.read_text()))
        for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
            compiled.unlink()  # it is compared by time and size, which a fault may leave
    return target
