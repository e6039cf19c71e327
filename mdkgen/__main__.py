"""`python -m mdkgen`."""

import sys

from mdkgen.cli import main

sys.exit(main())
