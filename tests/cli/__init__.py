"""The ``callbackd`` command."""
