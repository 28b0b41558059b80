/** Small pictures of a bucket, asked for by the screen, and kept in memory for as long as there is room. */
import { SvelteMap } from "svelte/reactivity";
import { ask, step, type Shapes } from "../api/client";

/** Pictures of one request: few enough that the first ones are soon there. */
const TOGETHER = 16;
const SIDE = 256;
const KEPT = 1500;
const WAIT_MS = 60;

export interface Thumbnail {
  /** Empty where it cannot be shown. */
  url: string;
  fault: string;
}

export class Thumbnails {
  readonly shown = new SvelteMap<string, Thumbnail>();
  #wanted: string[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #busy = false;
  #ended = false;

  constructor(readonly bucket: string) {}

  /** The pictures that are on the screen now. Those that were and have not come yet are asked for no more. */
  want(names: string[]): void {
    this.#wanted = names.filter((name) => !this.shown.has(name));
    clearTimeout(this.#timer);
    if (this.#wanted.length) this.#timer = setTimeout(() => void this.#work(), WAIT_MS);
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    while (this.#wanted.length && !this.#ended) await this.#ask(this.#wanted.splice(0, TOGETHER));
    this.#busy = false;
  }

  async #ask(names: string[]): Promise<void> {
    try {
      const path = `/buckets/${step(this.bucket)}/pictures`;
      const found = await ask<Shapes["PicturesShown"]>(path, { method: "POST", body: { names, longest: SIDE } });
      for (const each of found.pictures) {
        this.shown.set(each.name, { url: each.image ? `data:image/jpeg;base64,${each.image}` : "", fault: each.fault ?? "" });
      }
    } catch (error) {
      const fault = error instanceof Error ? error.message : String(error);
      for (const name of names) this.shown.set(name, { url: "", fault });
    }
    for (const name of this.shown.keys()) {
      if (this.shown.size <= KEPT) break;
      this.shown.delete(name);
    }
  }
}
