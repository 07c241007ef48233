"""`python -m fieldmark` is `fieldmark`, for torchrun and for interpreters without scripts on the path."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    try:
        from fieldmark.cli import main
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(main())
