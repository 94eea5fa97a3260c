"""`python train.py ...` is `netwright train ...`: for the commands that users type already."""

import sys

from netwright.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
