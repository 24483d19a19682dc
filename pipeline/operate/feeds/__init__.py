"""What people ask of feeds and do with them."""
