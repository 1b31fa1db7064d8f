"""Slows down whoever guesses."""

from collections import OrderedDict, deque
from dataclasses import dataclass, field

MOST_KEYS = 10_000
"""Whoever makes names up fills so much memory, not more: the oldest are forgotten."""


@dataclass(slots=True)
class Throttle:
    """Allows so many failures of one key within so many seconds; one process counts for itself."""

    failures: int
    seconds: float
    _failed: "OrderedDict[str, deque[float]]" = field(default_factory=OrderedDict)

    def wait(self, key: str, now: float) -> float:
        """Seconds until the key may be tried again; 0 is now."""
        times = self._failed.get(key, deque[float]())
        while times and times[0] <= now - self.seconds:
            times.popleft()
        return times[0] + self.seconds - now if len(times) >= self.failures else 0.0

    def fail(self, key: str, now: float) -> None:
        """Count a failure."""
        self._failed.setdefault(key, deque(maxlen=self.failures)).append(now)
        self._failed.move_to_end(key)
        while len(self._failed) > MOST_KEYS:
            self._failed.popitem(last=False)

    def forget(self, key: str) -> None:
        """Start anew for a key that succeeded."""
        self._failed.pop(key, None)
