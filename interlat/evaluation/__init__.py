"""Playing games with a policy and saying what came of it. Knows nothing of training, and of games only a protocol."""
