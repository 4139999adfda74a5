/** What a user chose or dropped: a zip as it is, or the files of folders, of which a zip is made. */

import { zipOf } from "./folder_zip.js";

/** The zip format without extensions holds files below 4 GiB; no image is that large. */
const MAX_BYTES = 0xffffffff;

/** One zip. */
export class ChosenZip {
  constructor(file) {
    this.file = file;
    this.name = file.name.replace(/\.zip$/i, "");
    this.size = file.size;
  }

  async zip() {
    return this.file;
  }
}

/** The files of a folder, or of several. Hidden files and folders are left out. */
export class ChosenFolder {
  /** `files`: [{path, file}], the paths beginning with the name of the folder. */
  constructor(files) {
    this.files = files.filter(({ path, file }) => file.size < MAX_BYTES && !path.split("/").some((part) => part.startsWith(".")));
    const outer = new Set(this.files.map(({ path }) => path.split("/")[0]));
    this.name = outer.size === 1 ? [...outer][0] : "";
    this.size = this.files.reduce((sum, { file }) => sum + file.size, 0);
  }

  zip(calls) {
    return zipOf(this.files, calls);
  }
}

/** The folder of an `<input webkitdirectory>`. */
export function folderOfInput(input) {
  return new ChosenFolder([...input.files].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
}

/** What was dropped: to be called within the event, whose items end with it. */
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const [first] = transfer.files;
  if (first && transfer.files.length === 1 && !entries[0]?.isDirectory) return new ChosenZip(first);
  const files = [];
  for (const entry of entries) await collect(entry, files);
  return new ChosenFolder(files);
}

async function collect(entry, files) {
  const path = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) return void files.push({ path, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) });
  const reader = entry.createReader();
  for (;;) { // the browser hands over a hundred entries at a time
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) return;
    for (const inner of entries) await collect(inner, files);
  }
}
