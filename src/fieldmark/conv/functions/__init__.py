"""The functions around convolutions as defined: activations, losses, dropout, batch normalisation."""
