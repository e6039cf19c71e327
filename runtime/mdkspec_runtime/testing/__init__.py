"""For tests of protocols, ours and yours: a clock that is moved by hand, and a link that loses things."""

from mdkspec_runtime.testing.clock import VirtualClock
from mdkspec_runtime.testing.link import LossyLink

__all__ = ["LossyLink", "VirtualClock"]
