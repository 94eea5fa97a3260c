"""`python infer.py ...` is `netwright predict ...`: for the commands that users type already."""

import sys

from netwright.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["predict", *sys.argv[1:]]))
