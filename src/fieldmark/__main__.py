"""`python -m fieldmark` is `fieldmark`, for torchrun and for interpreters without scripts on the path."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # `python -m` puts the current folder before all others, and what a stranger left there, a torch.py say,
    # would be imported. What comes before this line, Python decides: SECURITY.md.
    if not sys.flags.safe_path and sys.path[:1] == [os.getcwd()]:  # noqa: PTH109  (pathlib is not imported yet)
        del sys.path[0]
    try:
        from fieldmark.cli import main
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(main())
