"""The REST API over findings, thin: what the screens read, and changes through the same services.

Every answer is JSON; errors look as api.errors says. It stands beside web and takes from it only what is not of a screen:
how a list is filtered, paged and told as a file (see tests/test_layers.py).
"""
