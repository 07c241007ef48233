"""What a network is made of: layers, shapes, parameters, FLOPs, memory, receptive fields."""
