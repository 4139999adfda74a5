/** The CRC-32 of a file, read in pieces, so that a large file is never in memory as a whole. */

const PIECE_BYTES = 4 * 2 ** 20;
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** Returns the CRC-32 as ZIP files have it; the AbortSignal ends it between two pieces. */
export async function crc32(file, signal) {
  let crc = 0xffffffff;
  for (let start = 0; start < file.size; start += PIECE_BYTES) {
    signal.throwIfAborted();
    const piece = new Uint8Array(await file.slice(start, start + PIECE_BYTES).arrayBuffer());
    for (let index = 0; index < piece.length; index += 1) crc = TABLE[(crc ^ piece[index]) & 0xff] ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}
