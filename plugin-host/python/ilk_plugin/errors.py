"""What can go wrong between a host and its plugin."""


class PluginError(Exception):
    """Any of the errors below. The session or comparison it comes from is of no more use; the
    plugin is."""


class Refused(PluginError):
    """The plugin says why it cannot do what was asked. `code` is for programs: `setting`,
    `column`, `damaged`, `ids`, `no_rows`, `refused`, `block`, …"""

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


class IncompatibleInterface(PluginError):
    """The file is no plugin that this package can call."""


class BadOutput(PluginError):
    """The plugin returned something that cannot be."""
