/** Small pictures of faces, asked for some at a time and kept only while a page shows them. */
import { SvelteMap, SvelteSet } from "svelte/reactivity";
import { ask, step, type Shapes } from "../api/client";

/** As many as one request may ask for. */
const TOGETHER = 100;

export class Portraits {
  readonly pictures = new SvelteMap<string, string>();
  readonly #asked = new SvelteSet<string>();

  constructor(readonly collection: string) {}

  /** Pictures are known to be missing of all that was asked for so far. */
  get none(): boolean {
    return this.#asked.size > 0 && this.pictures.size === 0;
  }

  async ask(faceIds: string[]): Promise<void> {
    const wanted = faceIds.filter((each) => !this.#asked.has(each));
    for (let at = 0; at < wanted.length; at += TOGETHER) {
      const some = wanted.slice(at, at + TOGETHER);
      try {
        const path = `/collections/${step(this.collection)}/faces/pictures`;
        const found = await ask<Shapes["PortraitsShown"]>(path, { method: "POST", body: { face_ids: some } });
        for (const [id, picture] of Object.entries(found.pictures)) this.pictures.set(id, `data:image/jpeg;base64,${picture}`);
      } catch {
        // Whoever may not see them is shown the names alone.
      }
      for (const each of some) this.#asked.add(each);
    }
  }
}
