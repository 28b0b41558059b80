/** Pictures on their way into a collection, a few at a time and in order. Each file is known by its bytes: what is there
 * already is skipped, so that an upload that was cut goes on when the same files are chosen again. */
import { Problem, ask, step, type Shapes } from "../api/client";
import { words } from "../words";
import { sha256 } from "./hashes";
import { taken } from "./pictures";

const TOGETHER = 2;
/** Files whose hashes are made, and asked about, at once. */
const ASKED = 50;
/** Enrolment gets more pixels than a search: small faces in large pictures are kept. */
const LONGEST = 2560;
/** Waits before another try, in milliseconds, where the server has a bad moment. */
const WAITS = [1000, 3000, 9000];
/** How often it is tried whether a lost server is there again. */
const LOST = 3000;

interface Waiting {
  file: File;
  hash: string | null;
}

export class Uploads {
  all = $state(0);
  done = $state(0);
  known = $state(0);
  faces = $state(0);
  /** Faces that were left out, since only the largest of a picture is wanted. */
  others = $state(0);
  failed = $state<{ name: string; why: string }[]>([]);
  running = $state(false);
  stopped = $state(false);
  /** The server cannot be reached now. */
  lost = $state(false);
  readonly #sent = new Set<string>();

  constructor(readonly collection: string, readonly headers: Record<string, string> = {}, readonly every = false) {}

  get left(): number {
    return this.all - this.done;
  }

  get #path(): string {
    return `/collections/${step(this.collection)}`;
  }

  async send(files: File[]): Promise<void> {
    this.all = this.done = this.known = this.faces = this.others = 0;
    this.failed = [];
    this.stopped = false;
    this.running = true;
    this.all = files.length;
    try {
      for (let at = 0; at < files.length && !this.stopped; at += ASKED) await this.#some(files.slice(at, at + ASKED));
    } finally {
      this.running = this.lost = false;
    }
  }

  async #some(files: File[]): Promise<void> {
    const waiting: Waiting[] = [];
    for (const file of files) {
      if (this.stopped) return;
      waiting.push({ file, hash: await sha256(file).catch(() => null) });
    }
    const fresh = await this.#fresh(waiting);
    const work = async () => {
      for (let each = fresh.shift(); each && !this.stopped; each = fresh.shift()) await this.#one(each);
    };
    await Promise.all(Array.from({ length: TOGETHER }, work));
  }

  /** Those that are not there already. */
  async #fresh(waiting: Waiting[]): Promise<Waiting[]> {
    const hashes = [...new Set(waiting.flatMap((each) => each.hash ?? []))];
    const body = { sha256: hashes };
    const ask_ = () => ask<Shapes["UploadsShown"]>(`${this.#path}/uploads`, { method: "POST", body, headers: this.headers });
    const known = new Set(hashes.length ? (await this.#patiently(ask_)).known : []);
    return waiting.filter(({ hash }) => {
      const skipped = hash !== null && (known.has(hash) || this.#sent.has(hash));
      if (hash !== null) this.#sent.add(hash);
      if (skipped) {
        this.known += 1;
        this.done += 1;
      }
      return !skipped;
    });
  }

  async #one({ file, hash }: Waiting): Promise<void> {
    try {
      const made = await this.#enrolled(file, hash);
      this.faces += made.enrolled.length;
      this.others += made.refused.filter((each) => each.reasons.includes("EXCEEDS_MAX_FACES")).length;
      if (!made.enrolled.length) this.failed.push({ name: file.name, why: words.collections.noFace });
    } catch (error) {
      if (this.stopped) return;
      if (hash !== null) this.#sent.delete(hash);
      if (error instanceof Problem && error.status === 403 && error.message === this.failed.at(-1)?.why) {
        this.stopped = true; // it is not about the picture: the others would be refused as well
        throw error;
      }
      this.failed.push({ name: file.name, why: error instanceof Problem ? error.message : words.search.unreadable });
    }
    this.done += 1;
  }

  async #enrolled(file: File, hash: string | null): Promise<Shapes["EnrolledShown"]> {
    const picture = await taken(file, LONGEST);
    URL.revokeObjectURL(picture.url);
    const body = { image: picture.content, external_image_id: idOf(file.name), sha256: hash, ...(this.every ? {} : { most: 1 }) };
    return this.#patiently(() =>
      ask<Shapes["EnrolledShown"]>(`${this.#path}/faces`, { method: "POST", body, headers: this.headers }),
    );
  }

  /** Tries again where the server has a bad moment, and for as long as it takes where it cannot be reached. */
  async #patiently<T>(deed: () => Promise<T>): Promise<T> {
    for (let tries = 0; ; ) {
      try {
        const done = await deed();
        this.lost = false;
        return done;
      } catch (error) {
        if (!(error instanceof Problem) || this.stopped) throw error;
        const [lost, wait] = [error.status === 0, WAITS[tries]];
        const passing = error.status === 429 || error.status >= 500;
        if (!lost && (!passing || wait === undefined)) throw error;
        this.lost = lost;
        if (!lost) tries += 1;
        await new Promise((later) => setTimeout(later, lost ? LOST : wait));
        if (this.stopped) throw error;
      }
    }
  }
}

/** A file's name, less what an id cannot have. */
function idOf(name: string): string {
  return name.replace(/[^a-zA-Z0-9_.\-:]+/g, "_").slice(0, 255);
}
