"""`python -m mimic_checks`"""

import sys

from mimic_checks.cli import main

if __name__ == "__main__":
    sys.exit(main())
