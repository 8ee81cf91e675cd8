"""The tokens of a plan that say most: what a short message should keep. Knows no models."""

import math
from collections import Counter
from collections.abc import Iterable

import torch
from jaxtyping import Int
from torch import Tensor


class Keywords:
    """Picks the K most surprising tokens of a plan, in the plan's order.

    Surprise is -log of a token's share among the tokens of all plans, in nats: names and places are rare, filler words and
    full stops are in every plan. Among equals the earlier token is kept.

    Args:
        plans: token ids of many plans.
    """

    def __init__(self, plans: Iterable[Int[Tensor, " _"]]) -> None:
        counts = Counter(token for plan in plans for token in plan.tolist())
        total = sum(counts.values())
        self.surprise = {token: -math.log(count / total) for token, count in counts.items()}

    def positions(self, plan: Int[Tensor, " tokens"], count: int) -> Int[Tensor, " kept"]:
        """Where the keywords of a plan stand, ascending; all of its positions where it has at most ``count`` tokens.

        A token that no plan had is more surprising than any.
        """
        values = [self.surprise.get(token, math.inf) for token in plan.tolist()]
        kept = sorted(range(len(values)), key=lambda position: -values[position])[:count]
        return torch.tensor(sorted(kept), dtype=torch.long)
