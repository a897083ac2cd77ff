"""``python -m callbackd`` is the ``callbackd`` command."""

from callbackd.cli.main import main

main()
