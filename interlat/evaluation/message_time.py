"""How long a message takes to make, as the Interlat paper reports it (section 5.3, Tables 3 and 7): the sender alone, warm.

From the prompt's text to the latents; neither adapter nor actor is in it. The paper gives no batch size; one message at a time is
what a single task waits for, and a batch shows what many at once cost. Three ways to make a message are told apart:

    full        the sender writes its whole plan
    untrained   the sender writes until it has the first K states (``FirstLatents``)
    trained     the compressor unrolls K states

Knows no game and no table.
"""

import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, quantiles
from typing import Any

import torch

from interlat.agents.sender import left_pad
from interlat.errors import InvalidSetting
from interlat.evaluation.message_source import MessageSource, SenderSource, SenderView, Timed
from interlat.evaluation.message_time_file import MessageTime
from interlat.messages import LatentMessage, Silence
from interlat.models.backbone import embed_tokens, token_logits
from interlat.models.cache import KVState, extend, last_states
from interlat.models.decoding import choose

BATCH_SIZES = (1, 32)
WARM_UPS = 2  # calls that are not counted: they load code, allocate memory and choose kernels


class FirstLatents:
    """The first K latents of the sender's plans, without writing the rest of them.

    The same rows as cutting whole plans to K, whether greedy or drawn by the same seed: K states need K − 1 tokens to be read
    after the prompt. A sender that is given its plans reads their first K tokens.

    Args:
        source: of whole plans; its sender, plans and random draws are used.
        num_latents: K.
    """

    def __init__(self, source: SenderSource, num_latents: int) -> None:
        self.source, self.num_latents = source, num_latents

    @torch.no_grad()
    def make(self, views: Sequence[SenderView]) -> Timed:
        """At most K latents a game, as one batch."""
        start = time.perf_counter()
        sender, written = self.source.sender, self.source.written
        prompts = [sender.prompt_ids(view.opening, view.house) for view in views]
        if written is None:
            latents = self._write(prompts, self.source.draws(views))
        else:
            plans = [sender.encode(written[view.opening])[: self.num_latents] for view in views]
            latents = [plan.latents for plan in sender.read(prompts, plans)]
        seconds = (time.perf_counter() - start) / len(views)
        return Timed([LatentMessage(rows) if len(rows) else Silence() for rows in latents], seconds)

    def _write(self, prompts: Sequence[Sequence[int]], draws: Sequence[torch.Generator]) -> list[torch.Tensor]:
        sender = self.source.sender
        ids, mask = left_pad(prompts, sender.tokenizer.pad_token_id, sender.lm.device)
        state = KVState.empty(len(prompts), sender.lm.device)
        latest = last_states(extend(sender.lm, state, embed_tokens(sender.lm, ids), mask), mask)
        running = torch.ones(len(prompts), dtype=torch.bool, device=sender.lm.device)
        steps, kept = [latest], []
        for left in reversed(range(min(self.num_latents, sender.sampling.max_new_tokens))):
            tokens = choose(token_logits(sender.lm, latest), sender.sampling, draws)
            running = running & (tokens != sender.end_id)  # the state that predicts the end is not part of a message
            kept.append(running)
            if left == 0 or not bool(running.any()):
                break
            latest = extend(sender.lm, state, embed_tokens(sender.lm, tokens[:, None]), running[:, None])[:, 0]
            steps.append(latest)
        states, real = torch.stack(steps, dim=1), torch.stack(kept, dim=1)
        return [rows[mask] for rows, mask in zip(states, real, strict=True)]


def time_messages(
    source: MessageSource, views: Sequence[SenderView], batch_size: int, repeats: int = 10, warm_ups: int = WARM_UPS
) -> MessageTime:
    """Measure how long batches of messages take.

    Each repeat is another batch of the games given, from the first on and around again; so the spread holds both the machine's
    noise and plans of unequal length. The device is waited for before and after.

    Args:
        source: makes the messages.
        views: what the sender sees of each game.
        batch_size: messages made at once.
        repeats: batches that are counted.
        warm_ups: batches before them.

    Raises:
        InvalidSetting: if there is no game, or nothing is to be measured.
    """
    if not views or min(batch_size, repeats) < 1 or warm_ups < 0:
        raise InvalidSetting(
            f"wanted games, a batch size and repeats of at least 1, got {len(views)} games, {batch_size} and {repeats}"
        )
    seconds: list[float] = []
    lengths: list[int] = []
    for number in range(warm_ups + repeats):
        batch = [views[(number * batch_size + place) % len(views)] for place in range(batch_size)]
        _wait_for_device()
        start = time.perf_counter()
        made = source.make(batch)
        _wait_for_device()
        elapsed = time.perf_counter() - start
        if number >= warm_ups:
            seconds.append(elapsed)
            lengths += [of.num_latents if isinstance(of, LatentMessage) else 0 for of in made.messages]
    low, middle, high = quantiles(seconds, n=4, method="inclusive") if repeats > 1 else seconds * 3
    return MessageTime(batch_size, repeats, middle, low, high, fmean(lengths))


def machine() -> dict[str, Any]:
    """What times depend on besides message and models: processor, threads, accelerator, torch."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
    }


def _processor() -> str:
    """The processor's name; platform knows it on few systems."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _wait_for_device() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
