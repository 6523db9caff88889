"""``python -m cambiata``."""

from cambiata.cli import main

if __name__ == "__main__":
    main()
