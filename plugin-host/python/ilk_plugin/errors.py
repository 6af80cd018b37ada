"""Errors of plugins and their hosts."""


class PluginError(Exception):
    """Base of the errors below. After one, the session or comparison cannot be used again, except after
    `Busy`; the plugin can."""


class Refused(PluginError):
    """The request is invalid. `code` is for programs: `setting`, `column`, `damaged`, `ids`,
    `no_rows`, `refused`, `block`, `limit`, …"""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        # Errors travel between processes, as Spark's workers need.
        return Refused, (self.code, str(self))


class Deadline(PluginError):
    """The deadline passed."""


class OutOfFuel(PluginError):
    """The fuel limit was reached."""


class OutOfMemory(PluginError):
    """The plugin failed with most of its memory in use."""


class Trapped(PluginError):
    """The plugin stopped in the middle of a call."""


class Busy(PluginError):
    """Another thread uses the same session or comparison; give each thread its own."""


class Ended(PluginError):
    """A session or comparison was used after it failed, or after its result was taken; start over."""


class IncompatibleInterface(PluginError):
    """The file is not a plugin that this package can call."""


class Unreadable(PluginError, OSError):
    """The file of the plugin cannot be read."""


class BadOutput(PluginError):
    """The plugin returned invalid data."""
