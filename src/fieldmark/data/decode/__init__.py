"""From a file to its pixels, grey or RGB, one picture or many."""
