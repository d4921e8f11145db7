"""`python -m aks_kms`: the command line."""

import sys

from aks_kms._cli import main

sys.exit(main())
