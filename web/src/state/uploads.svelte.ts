/** Pictures on their way into a collection, a few at a time and in order. Each file is known by its bytes: what is there
 * already is skipped, so that an upload that was cut goes on when the same files are chosen again. */
import { Problem, ask, step, type Shapes } from "../api/client";
import { words } from "../words";
import { folder, sha256, type Found } from "./hashes";
import { enrolled } from "./pictures";

const TOGETHER = 2;
/** Files whose hashes are made, and asked about, at once. */
const ASKED = 50;
/** Waits before another try, in milliseconds, where the server has a bad moment. */
const WAITS = [1000, 3000, 9000];
/** How often it is tried whether a lost server is there again. */
const LOST = 3000;

interface Waiting {
  found: Found;
  hash: string | null;
}

/** How an upload is wanted: `every` face of a picture, or the largest; `byFolder` where a folder holds one person's. */
interface Wanted {
  every?: boolean;
  byFolder?: boolean;
}

export class Uploads {
  all = $state(0);
  done = $state(0);
  known = $state(0);
  faces = $state(0);
  /** Faces that were left out, since only the largest of a picture is wanted. */
  others = $state(0);
  failed = $state<{ name: string; why: string }[]>([]);
  /** Pictures that show several faces, with how many. */
  several = $state<{ name: string; faces: number }[]>([]);
  running = $state(false);
  stopped = $state(false);
  /** The server cannot be reached now. */
  lost = $state(false);
  readonly #sent = new Set<string>();

  constructor(
    readonly collection: string,
    readonly headers: Record<string, string> = {},
    readonly wanted: Wanted = {},
  ) {}

  get left(): number {
    return this.all - this.done;
  }

  get #path(): string {
    return `/collections/${step(this.collection)}`;
  }

  async send(files: Found[]): Promise<void> {
    this.all = this.done = this.known = this.faces = this.others = 0;
    this.failed = [];
    this.several = [];
    this.stopped = false;
    this.running = true;
    this.all = files.length;
    try {
      for (let at = 0; at < files.length && !this.stopped; at += ASKED) await this.#some(files.slice(at, at + ASKED));
    } finally {
      this.running = this.lost = false;
    }
  }

  async #some(files: Found[]): Promise<void> {
    const waiting: Waiting[] = [];
    for (const found of files) {
      if (this.stopped) return;
      waiting.push({ found, hash: await sha256(found.file).catch(() => null) });
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

  async #one({ found, hash }: Waiting): Promise<void> {
    const name = this.#named(found);
    try {
      const made = await this.#enrolled(found, hash);
      const others = made.refused.filter((each) => each.reasons.includes("EXCEEDS_MAX_FACES")).length;
      const faces = made.enrolled.length + others;
      this.faces += made.enrolled.length;
      this.others += others;
      if (faces > 1) this.several.push({ name, faces });
      if (!made.enrolled.length) this.failed.push({ name, why: words.collections.noFace });
    } catch (error) {
      if (this.stopped) return;
      if (hash !== null) this.#sent.delete(hash);
      if (error instanceof Problem && error.status === 403 && error.message === this.failed.at(-1)?.why) {
        this.stopped = true; // it is not about the picture: the others would be refused as well
        throw error;
      }
      this.failed.push({ name, why: error instanceof Problem ? error.message : words.search.unreadable });
    }
    this.done += 1;
  }

  /** What somebody who looks for the file goes by. */
  #named(found: Found): string {
    return this.wanted.byFolder ? found.path.replace(/^\//, "") : found.file.name;
  }

  async #enrolled(found: Found, hash: string | null): Promise<Shapes["EnrolledShown"]> {
    const person = this.wanted.byFolder ? folder(found) : "";
    const body = { image: await enrolled(found.file), name: person || found.file.name, sha256: hash, ...(this.wanted.every ? {} : { most: 1 }) };
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
