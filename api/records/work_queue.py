"""Where requests queue work items of the lane `light`, and find, await, cancel and delete them. Knows no kind and no HTTP."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from api.errors import ApiError
from api.feed.waiting import ChangeWaiter
from api.records.wake_up_throttle import WakeUpThrottle
from worker.errors import JobNotFoundError, WrongStateError
from worker.queue.kinds import Lane
from worker.queue.records import WorkItem
from worker.queue.store import AsyncJobStore

Item = TypeVar("Item", bound=WorkItem)


@dataclass(frozen=True)
class WorkQueue:
    """Where items are recorded, and who learns of them."""

    store: AsyncJobStore
    wake_ups: WakeUpThrottle
    waiter: ChangeWaiter

    def wake_worker(self) -> None:
        """Tell the workers that an item was queued."""
        self.wake_ups.request(Lane.LIGHT)

    async def find(
        self,
        item_id: str,
        read: Callable[[], Awaitable[Item]],
        *,
        unknown: type[ApiError],
        wait_s: float = 0,
    ) -> Item:
        """Return an item; with `wait_s`, once it has ended, or after this time. Raises `unknown` when there is none."""

        async def read_known() -> Item:
            try:
                return await read()
            except JobNotFoundError:
                raise unknown from None

        return await self.waiter.read_changed(
            item_id,
            read_known,
            state_of=lambda item: item.is_finished,
            is_final=lambda item: item.is_finished,
            wait_s=wait_s,
        )

    async def cancel(self, item: Item, project: str) -> Item | None:
        """Cancel an item; return None if it has ended.

        Raises:
            PublishCommittedError: its model is being published.
        """
        if item.is_finished:
            return None
        with suppress(WrongStateError):  # it has ended since it was looked up
            return type(item).model_validate_json(await self.store.cancel_item(item.id, project))
        return None

    async def forget(self, item_id: str, project: str) -> None:
        """Delete the record of an item that has ended."""
        with suppress(JobNotFoundError):  # another request has deleted it
            await self.store.delete(item_id, project)
