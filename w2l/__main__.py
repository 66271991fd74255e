"""``python -m w2l`` is the command ``w2l``."""

import sys

from w2l.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
