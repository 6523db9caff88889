"""``python -m cambiata``."""

from cambiata.cli.main import main

if __name__ == "__main__":
    main()
