"""`python -m fieldmark` is `fieldmark`, for torchrun and for interpreters without scripts on the path."""

from __future__ import annotations

import sys

from fieldmark.cli import main

if __name__ == "__main__":
    sys.exit(main())
