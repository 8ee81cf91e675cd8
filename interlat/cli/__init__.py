"""Command lines: they parse, call and print; everything else lives below. The library knows nothing of them."""
