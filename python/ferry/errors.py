# SPDX-License-Identifier: Apache-2.0
"""Ferry's exceptions: one class per error code of the C++ library, all derived from Error."""


class Error(Exception):
    """What Ferry raises. The text names who failed, what was seen and what was wanted."""

    code = 0


class InvalidArgument(Error, ValueError):
    """A call's own argument is wrong: its kind, a name, a count, an option."""

    code = 1


class InvalidModel(Error):
    """The file breaks the ONNX specification or is damaged."""

    code = 2


class UnsupportedOp(Error):
    """An operator, domain or opset that this build does not know."""

    code = 3


class UnsupportedType(Error):
    """An element type that the operator or this build does not take."""

    code = 4


class ShapeMismatch(Error, ValueError):
    """Dimensions contradict the model or each other."""

    code = 5


class OutOfMemory(Error, MemoryError):
    """The memory budget or the machine's memory is used up."""

    code = 6


class IoError(Error, OSError):
    """A file could not be read or written."""

    code = 7


class DeviceError(Error):
    """The device reported a fault."""

    code = 8


class Cancelled(Error):
    """The caller's Cancel was set."""

    code = 9


class DeadlineExceeded(Error, TimeoutError):
    """The caller's timeout passed."""

    code = 10


class LimitExceeded(Error):
    """A limit on loaded files was met."""

    code = 11


class Internal(Error):
    """A defect of Ferry; please report it."""

    code = 12
