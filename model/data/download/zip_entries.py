"""The records of a zip: the head of a file, its entry in the directory, and the end of the directory."""

import struct
from dataclasses import dataclass

LOCAL, CENTRAL = struct.Struct("<4s5H3L2H"), struct.Struct("<4s6H3L5H2L")
END, END_64, LOCATOR = struct.Struct("<4s4H2LH"), struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
MAX_16, MAX_32 = 0xFFFF, 0xFFFF_FFFF
_DATE = 0x21
"""1 January 1980, the first day that a zip can name."""
_UTF_8 = 0x800


@dataclass(frozen=True)
class Entry:
    """A file of less than 4 GiB that is stored without compression. Its bytes follow its head."""

    name: str
    size: int
    crc: int

    def head(self) -> bytes:
        """Return what stands before the bytes of the file."""
        return LOCAL.pack(b"PK\3\4", 20, _UTF_8, *self._facts()) + self.name.encode()

    def central(self, offset: int) -> bytes:
        """Return the entry in the directory; the head stands at `offset`."""
        if offset < MAX_32:
            head = CENTRAL.pack(
                b"PK\1\2", 3 << 8 | 20, 20, _UTF_8, *self._facts(), 0, 0, 0, 0o100644 << 16, offset
            )
            return head + self.name.encode()
        extra = struct.pack("<2HQ", 1, 8, offset)
        facts = (*self._facts()[:7], len(extra))
        head = CENTRAL.pack(b"PK\1\2", 3 << 8 | 45, 45, _UTF_8, *facts, 0, 0, 0, 0o100644 << 16, MAX_32)
        return head + self.name.encode() + extra

    def _facts(self) -> tuple[int, ...]:
        return (0, 0, _DATE, self.crc, self.size, self.size, len(self.name.encode()), 0)


def end_of_directory(entries: int, size: int, offset: int) -> bytes:
    """Return what follows a directory of this number of entries and bytes, which begins at `offset`."""
    end = END.pack(b"PK\5\6", 0, 0, *(min(entries, MAX_16),) * 2, min(size, MAX_32), min(offset, MAX_32), 0)
    if entries < MAX_16 and max(size, offset) < MAX_32:
        return end
    end_64 = END_64.pack(b"PK\6\6", END_64.size - 12, 45, 45, 0, 0, entries, entries, size, offset)
    return end_64 + LOCATOR.pack(b"PK\6\7", 0, offset + size, 1) + end
