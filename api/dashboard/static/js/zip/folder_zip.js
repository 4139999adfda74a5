/**
 * Makes a zip of files of a folder, without compression: images are compressed already. The zip is a Blob that refers to
 * the files, so that they are read again while it is sent, and never all in memory.
 */

import { crc32 } from "./crc32.js";

/** Files that are read at the same time: reading many small ones one after the other waits more than it works. */
const AT_ONCE = 16;
const LIMIT_32 = 0xffffffff;
const LIMIT_16 = 0xffff;
/** The same folder makes the same bytes: 1 January 1980, the first day of the format. */
const DATE = 0x21;
const IS_UTF8 = 0x800;

/** `files`: [{path, file}]. onProgress(done, total) is called with numbers of files. */
export async function zipOf(files, { onProgress, signal }) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (let start = 0; start < files.length; start += AT_ONCE) {
    const some = files.slice(start, start + AT_ONCE);
    const sums = await Promise.all(some.map(({ file }) => crc32(file, signal)));
    for (const [index, { path, file }] of some.entries()) {
      const entry = { name: new TextEncoder().encode(path), size: file.size, crc: sums[index], offset };
      const header = localHeader(entry);
      parts.push(header, file);
      directory.push(directoryEntry(entry));
      offset += header.size + file.size;
    }
    onProgress(start + some.length, files.length);
  }
  const size = directory.reduce((sum, part) => sum + part.size, 0);
  return new Blob([...parts, ...directory, end(files.length, size, offset)]);
}

function localHeader({ name, size, crc }) {
  return new Blob([numbers([0x04034b50, 4], [20, 2], [IS_UTF8, 2], [0, 2], [0, 2], [DATE, 2], [crc, 4], [size, 4], [size, 4], [name.length, 2], [0, 2]), name]);
}

/** An entry that begins after the first 4 GiB has its place in a ZIP64 field. */
function directoryEntry({ name, size, crc, offset }) {
  const isFar = offset >= LIMIT_32;
  const extra = isFar ? [numbers([1, 2], [8, 2], [offset, 8])] : [];
  return new Blob([
    numbers([0x02014b50, 4], [isFar ? 45 : 20, 2], [isFar ? 45 : 20, 2], [IS_UTF8, 2], [0, 2], [0, 2], [DATE, 2], [crc, 4], [size, 4], [size, 4],
      [name.length, 2], [isFar ? 12 : 0, 2], [0, 2], [0, 2], [0, 2], [0, 4], [isFar ? LIMIT_32 : offset, 4]),
    name, ...extra]);
}

function end(count, size, offset) {
  const isLarge = count >= LIMIT_16 || size >= LIMIT_32 || offset >= LIMIT_32;
  const long = isLarge
    ? [numbers([0x06064b50, 4], [44, 8], [45, 2], [45, 2], [0, 4], [0, 4], [count, 8], [count, 8], [size, 8], [offset, 8]),
      numbers([0x07064b50, 4], [0, 4], [offset + size, 8], [1, 4])]
    : [];
  const [entries, bytes, start] = [Math.min(count, LIMIT_16), Math.min(size, LIMIT_32), Math.min(offset, LIMIT_32)];
  return new Blob([...long, numbers([0x06054b50, 4], [0, 2], [0, 2], [entries, 2], [entries, 2], [bytes, 4], [start, 4], [0, 2])]);
}

/** Writes [value, bytes] pairs, least significant byte first. */
function numbers(...fields) {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [, bytes]) => sum + bytes, 0)));
  let at = 0;
  for (const [value, bytes] of fields) {
    if (bytes === 8) view.setBigUint64(at, BigInt(value), true);
    else if (bytes === 4) view.setUint32(at, value, true);
    else view.setUint16(at, value, true);
    at += bytes;
  }
  return view;
}
