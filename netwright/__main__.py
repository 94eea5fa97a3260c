"""`python -m netwright` is the command line."""

import sys

from netwright.cli.main import main

sys.exit(main())
