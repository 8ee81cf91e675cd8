"""Runs programs that nobody vouches for, each with its tests, and survives them. Knows nothing of models, benchmarks or texts.

A program and its tests are two processes, so that a program cannot touch its tests. Both are confined by the Linux kernel without any
privilege: Landlock leaves them their own folder, seccomp takes away processes, threads, network and signals, limits hold time and memory.
"""

from interlat.evaluation.answers.sandbox.limits import Limits
from interlat.evaluation.answers.sandbox.protections import SandboxNotAvailable, protections, require_sandbox
from interlat.evaluation.answers.sandbox.run import Verdict, run_tests

__all__ = ["Limits", "SandboxNotAvailable", "Verdict", "protections", "require_sandbox", "run_tests"]
