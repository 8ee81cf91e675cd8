"""Faults in the controls."""

from ..mutant import Mutant

FILE = "interlat/controls.py"
MOMENTS, DRAWS, NAMES = "tests/test_controls_moments.py", "tests/test_controls_draws.py", "tests/test_controls.py"

FAULTS = [
    Mutant(
        "the rotation is QR without the sign fix",
        FILE,
        "return torch.mul(q, signs)",
        "return q",
        f"{DRAWS}::test_rotations_are_haar",
    ),
    Mutant(
        "covariances divide by L",
        FILE,
        "math.sqrt(max(length - 1, 1))",
        "math.sqrt(length)",
        f"{MOMENTS}::test_gaussian_draws_have_the_messages_covariance_and_its_mean_or_0",
    ),
    Mutant(
        "the rotation turns directions that the message does not have",
        FILE,
        "rank = int((singular > values.norm() * max(values.shape) * torch.finfo(values.dtype).eps).sum())",
        "rank = len(singular)",
        f"{MOMENTS}::test_rotation_turns_only_directions_that_the_message_has",
    ),
    Mutant(
        "the rotation's basis leans towards the vector of ones",
        FILE,
        "q: Tensor = torch.linalg.qr(ones_first).Q\n    return q[:, 1:]",
        "q = torch.eye(length, dtype=torch.float64)\n    return q[:, 1:]",
        f"{MOMENTS}::test_rotation_keeps_mean_and_covariance",
    ),
    Mutant(
        "the rotation loses the mean",
        FILE,
        "values.mean(dim=0) + basis @",
        "basis @",
        f"{MOMENTS}::test_rotation_keeps_mean_and_covariance",
    ),
    Mutant(
        "the rotation turns dimensions in place of whitened directions",
        FILE,
        "basis @ (rotation @ (basis.T @ values))",
        "(values - values.mean(dim=0)) @ _haar_orthogonal(values.shape[1], generator).to(values)",
        f"{MOMENTS}::test_rotation_keeps_mean_and_covariance",
    ),
    Mutant(
        "covariance noise ignores its scale",
        FILE,
        "latents.double() + scale * noise",
        "latents.double() + noise",
        f"{MOMENTS}::test_covariance_noise_has_mean_0_and_the_messages_covariance_times_scale_squared",
    ),
    Mutant(
        "covariance noise is white",
        FILE,
        "noise = _gaussian_like(_centred(latents), generator)",
        "noise = _normal(latents.shape, generator)",
        f"{MOMENTS}::test_noise_of_a_short_message_stays_in_its_span",
    ),
    Mutant(
        "all rows share one draw",
        FILE,
        "draws = _normal(torch.Size([length, length]), generator).to(centred)",
        "draws = _normal(torch.Size([length, length]), generator).to(centred)[:1].expand(length, length)",
        f"{DRAWS}::test_noise_is_gaussian_and_independent_from_row_to_row",
    ),
    Mutant(
        "gaussian draws always keep the mean",
        FILE,
        "if keep_mean else torch.zeros_like(centred)",
        "if True else torch.zeros_like(centred)",
        f"{MOMENTS}::test_gaussian_draws_have_the_messages_covariance_and_its_mean_or_0",
    ),
    Mutant(
        "white noise is added in place of replacing",
        FILE,
        "return _normal(latents.shape, generator).to(latents)",
        "return latents + _normal(latents.shape, generator).to(latents)",
        f"{DRAWS}::test_white_noise_is_independent_from_column_to_column_and_knows_nothing_of_the_message",
    ),
    Mutant(
        "permute only turns the message round",
        FILE,
        "return latents[order.to(latents.device)]",
        "return latents.roll(int(order[0]), 0)",
        f"{DRAWS}::test_every_order_comes_up_equally_often",
    ),
    Mutant(
        "permute draws from torch's own state",
        FILE,
        "torch.randperm(len(latents), generator=generator, device=generator.device)",
        "torch.randperm(len(latents), device=generator.device)",
        f"{NAMES}::test_it_draws_from_its_generator_alone",
    ),
    Mutant(
        "moments are computed in the message's own precision",
        FILE,
        "values = latents.double()\n    return values - values.mean(dim=0)",
        "values = latents\n    return (values - values.mean(dim=0)).double()",
        f"{NAMES}::test_lower_precision_is_the_float64_result_rounded_once",
    ),
    Mutant(
        "truncate keeps the last rows",
        FILE,
        "return latents[:keep]",
        "return latents[-keep:]",
        f"{NAMES}::test_truncate_by_length_and_by_share",
    ),
]
