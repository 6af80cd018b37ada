"""What can go wrong between a host and its plugin."""


class PluginError(Exception):
    """Any of the errors below. After one from a call the session or comparison is of no more use
    (`Busy` leaves it to who was first); the plugin is."""


class Refused(PluginError):
    """What was asked cannot be done, and why. `code` is for programs: `setting`, `column`,
    `damaged`, `ids`, `no_rows`, `refused`, `block`, `limit`, …"""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code

    def __reduce__(self):
        # Errors travel between processes, as Spark's workers need.
        return Refused, (self.code, str(self))


class Deadline(PluginError):
    """The time was over."""


class OutOfFuel(PluginError):
    """The fuel was used up."""


class OutOfMemory(PluginError):
    """The plugin failed with most of its memory in use."""


class Trapped(PluginError):
    """The plugin stopped in the middle of a call."""


class Busy(PluginError):
    """Another thread is in the same session or comparison: give each thread its own."""


class Ended(PluginError):
    """A session or comparison was used after it had failed, or given its result: begin anew."""


class IncompatibleInterface(PluginError):
    """The file is no plugin that this package can call."""


class Unreadable(PluginError, OSError):
    """The file of the plugin cannot be read."""


class BadOutput(PluginError):
    """The plugin returned something that cannot be."""
