"""`python -m aks_kms`: the command line."""

import sys

from aks_kms._cli import main

if __name__ == "__main__":
    sys.exit(main())
