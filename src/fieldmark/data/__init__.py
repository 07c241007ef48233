"""From files to decoded, split, labelled pictures: sources -> store -> splitting -> load."""
