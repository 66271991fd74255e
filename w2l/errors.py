"""The one error that users of the kit are meant to read."""


class W2LError(Exception):
    """An error that the user can fix: one sentence with what was wrong, the value, and what to do.

    The command line prints the sentence and exits with code 2; any other exception that escapes is a bug.
    """
