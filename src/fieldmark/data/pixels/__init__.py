"""From pixels to the size and the channels that are wanted, exactly."""
