"""`python -m digestd`."""

from digestd.cli import run_main

if __name__ == "__main__":
    run_main()
