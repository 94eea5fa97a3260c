"""A machine that takes part in a shared sweep, to be killed: `python join_program.py FOLDER`."""

import sys

from netwright.sweeps import join_sweep

if __name__ == "__main__":
    join_sweep(sys.argv[1], workers=1, device="cpu")
