"""Run the command line: `python -m interleave`."""

from interleave.cli import main

if __name__ == "__main__":
    main()
