"""`python -m kdoctor`."""

from kdoctor.cli import main

if __name__ == "__main__":
    main()
