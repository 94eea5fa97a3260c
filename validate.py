"""`python validate.py ...` is `netwright validate ...`: for the commands that users type already."""

import sys

from netwright.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["validate", *sys.argv[1:]]))
