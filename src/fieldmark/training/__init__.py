"""Training: the loop, augmentation, optimisers, schedules, precision, presets."""
