"""EC2: networks, of which the embedded AWS has none."""
