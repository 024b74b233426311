"""``python -m insighter_ext.serving <run_dir>``."""

import sys

from insighter_ext.serving.process import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
