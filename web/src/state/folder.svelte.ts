/** A folder of a bucket, as far as it has been listed; the one that was open last is kept, to come back to. */
import { ask, step, type Shapes } from "../api/client";
import { Thumbnails } from "./thumbnails";

export interface Entry {
  kind: "folder" | Shapes["ObjectShown"]["kind"];
  /** The whole name, as the bucket has it. */
  name: string;
  /** What is shown of it. */
  label: string;
}

const MOST = 1000;

export class Folder {
  entries = $state.raw<Entry[]>([]);
  filter = $state("");
  busy = $state(false);
  trouble = $state<unknown>(null);
  /** Whether there is more than has been listed. */
  more = $state(true);
  /** The entry that the keyboard is at. */
  at = $state(0);
  scrolled = 0;
  readonly thumbnails: Thumbnails;
  #after = "";
  #turn = 0;

  constructor(
    readonly bucket: string,
    readonly prefix: string,
  ) {
    this.thumbnails = new Thumbnails(bucket);
  }

  async list(): Promise<void> {
    if (this.busy || !this.more) return;
    const turn = this.#turn;
    this.busy = true;
    this.trouble = null;
    try {
      const query = { prefix: this.prefix + this.filter, after: this.#after || undefined, most: MOST };
      const found = await ask<Shapes["ObjectsShown"]>(`/buckets/${step(this.bucket)}/objects`, { query });
      if (turn !== this.#turn) return;
      this.entries = [
        ...this.entries,
        ...found.folders.map((name): Entry => ({ kind: "folder", name, label: this.#label(name).replace(/\/$/, "") })),
        ...found.objects.map((each): Entry => ({ kind: each.kind, name: each.name, label: this.#label(each.name) })),
      ];
      this.#after = found.next ?? "";
      this.more = found.next !== null;
    } catch (error) {
      if (turn !== this.#turn) return;
      this.trouble = error;
      this.more = false;
    }
    this.busy = false;
  }

  /** List once more from the beginning. */
  restart(): void {
    this.#turn += 1;
    this.entries = [];
    this.#after = "";
    this.at = this.scrolled = 0;
    this.more = true;
    this.busy = false;
    void this.list();
  }

  /** The picture that is `by` pictures behind the one of that name, as far as is known. */
  beside(name: string, by: 1 | -1): string | undefined {
    const pictures = this.entries.filter((each) => each.kind === "picture");
    const here = pictures.findIndex((each) => each.name === name);
    return here < 0 ? undefined : pictures[here + by]?.name;
  }

  #label(name: string): string {
    return name.slice(this.prefix.length);
  }
}

let last: Folder | null = null;

export function folderOf(bucket: string, prefix: string): Folder {
  if (last?.bucket !== bucket || last.prefix !== prefix) {
    last?.thumbnails.end();
    last = new Folder(bucket, prefix);
    void last.list();
  }
  return last;
}
