"""Lake Formation: what templates may say of it."""
