/** What a file's bytes are known by: SHA-256, in hexadecimal; null where the browser has none, over plain http. */
export async function sha256(file: Blob): Promise<string | null> {
  if (!globalThis.crypto?.subtle) return null;
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(digest)].map((each) => each.toString(16).padStart(2, "0")).join("");
}

/** A picture that was chosen, and where it is: with its folders, as far as the browser tells them. */
export interface Found {
  path: string;
  file: File;
}

/** Pictures that some systems have no type for: what cannot be opened of them is told, and not passed over. */
const UNTOLD = /\.hei[cf]$/i;

/** The pictures among what was dropped, those in folders too, by their paths. */
export async function dropped(items: DataTransferItemList): Promise<Found[]> {
  // Asked for at once: after the first wait a browser has forgotten them.
  const entries = [...items].map((each) => each.webkitGetAsEntry?.()).filter((each) => each !== null && each !== undefined);
  const found: Found[] = [];
  for (const entry of entries) await gather(entry, found);
  return inOrder(found);
}

/** The pictures of a choice of files, or of a folder, by their paths. */
export function chosen(files: FileList | null): Found[] {
  return inOrder([...(files ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
}

function inOrder(found: Found[]): Found[] {
  const pictures = found.filter((each) => each.file.type.startsWith("image/") || UNTOLD.test(each.file.name));
  return pictures.sort((one, other) => (one.path < other.path ? -1 : 1));
}

/** The folder that a picture is in, by its name alone; "" where none is known. */
export function folder({ path }: Found): string {
  return path.split("/").filter(Boolean).at(-2) ?? "";
}

async function gather(entry: FileSystemEntry, found: Found[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((done, fail) => (entry as FileSystemFileEntry).file(done, fail));
    found.push({ path: entry.fullPath, file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail));
    if (!some.length) return; // a reader gives a hundred at a time
    for (const each of some) await gather(each, found);
  }
}
