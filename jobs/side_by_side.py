"""Work side by side in threads that never hold the program back.

The standard pool waits for its threads before a Ctrl-C gets through, and again when the interpreter
ends: a call that waits for Azure would keep a person waiting with it.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from queue import SimpleQueue
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741 - an item
P = ParamSpec("P")


class Pool:
    """A few threads, for the length of a `with`; an error or Ctrl-C leaves without them."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Begin something; its future has the result or the error."""
        future: Future[T] = Future()

        def call() -> None:
            try:
                future.set_result(work(*args, **kwargs))
            except BaseException as error:
                future.set_exception(error)

        self._calls.put(call)
        if len(self._threads) < self._at_once:
            thread = threading.Thread(target=self._work, daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    def map(self, work: Callable[[I], T], items: Iterable[I]) -> list[T]:
        """The results in the order of the items; the first error is raised."""
        return [future.result() for future in [self.submit(work, item) for item in items]]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for _ in self._threads:
            self._calls.put(None)
        if error is None:
            for thread in self._threads:
                thread.join()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
