"""A network drawn to scale, from nothing but its inspection."""
