/** Pictures on their way into a collection, a few at a time; what fails is told by name and can be sent again. */
import { Problem, ask, step, type Shapes } from "../api/client";
import { words } from "../words";
import { taken } from "./pictures";

const TOGETHER = 2;
/** Enrolment gets more pixels than a search: small faces in large pictures are kept. */
const LONGEST = 2560;
/** Waits before another try, in milliseconds, where the line or the server has a bad moment. */
const WAITS = [1000, 3000, 9000];

export class Uploads {
  all = $state(0);
  done = $state(0);
  faces = $state(0);
  failed = $state<{ name: string; why: string }[]>([]);
  stopped = $state(false);

  constructor(readonly collection: string, readonly headers: Record<string, string> = {}) {}

  get running(): boolean {
    return this.done < this.all && !this.stopped;
  }

  async send(files: File[]): Promise<void> {
    const waiting = [...files];
    this.stopped = false;
    this.all += waiting.length;
    const work = async () => {
      for (let file = waiting.shift(); file && !this.stopped; file = waiting.shift()) await this.#one(file);
    };
    await Promise.all(Array.from({ length: TOGETHER }, work));
    if (this.stopped) this.all = this.done;
  }

  async #one(file: File): Promise<void> {
    try {
      const made = await this.#enrolled(file);
      this.faces += made.enrolled.length;
      if (!made.enrolled.length) this.failed.push({ name: file.name, why: words.collections.noFace });
    } catch (error) {
      this.failed.push({ name: file.name, why: error instanceof Problem ? error.message : words.search.unreadable });
    }
    this.done += 1;
  }

  async #enrolled(file: File): Promise<Shapes["EnrolledShown"]> {
    const picture = await taken(file, LONGEST);
    URL.revokeObjectURL(picture.url);
    for (const wait of [...WAITS, null]) {
      try {
        return await ask<Shapes["EnrolledShown"]>(`/collections/${step(this.collection)}/faces`, {
          method: "POST",
          body: { image: picture.content, external_image_id: idOf(file.name) },
          headers: this.headers,
        });
      } catch (error) {
        const passing = error instanceof Problem && (error.status === 0 || error.status === 429 || error.status >= 500);
        if (!passing || wait === null || this.stopped) throw error;
        await new Promise((later) => setTimeout(later, wait));
      }
    }
    throw new Error("unreachable");
  }
}

/** A file's name, less what an id cannot have. */
function idOf(name: string): string {
  return name.replace(/[^a-zA-Z0-9_.\-:]+/g, "_").slice(0, 255);
}
