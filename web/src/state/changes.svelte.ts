/** What changes, as it changes, and what waits for whoever has signed in. All windows of one sign-in share a connection:
 * the one that has the lock listens, and tells the others. */
import { follow } from "../api/stream";

interface Told {
  changed: string[];
  waiting: Record<string, number>;
}

/** So long is waited for more changes, before what is shown is asked for again. */
const TOGETHER = 300;

class Changes {
  waiting = $state.raw<Record<string, number>>({});
  #acts = new Map<() => void, Set<string>>();
  #last: Told | null = null;

  /** Listen for somebody, who is told apart by `name`, until what is returned is called. */
  begin(name: string): () => void {
    const ended = new AbortController();
    const shared = `regard-changes-${name}`;
    const others = new BroadcastChannel(shared);
    others.onmessage = ({ data }: MessageEvent<Told | null>) => {
      if (data) this.#take(data);
      else if (this.#last) others.postMessage({ changed: [], waiting: this.#last.waiting });
    };
    const listen = () =>
      follow("/events", ended.signal, (said) => {
        this.#last = said as Told;
        this.#take(this.#last);
        others.postMessage(this.#last);
      });
    others.postMessage(null); // whoever listens already says what waits
    // Without https there are no locks: then each window listens by itself.
    if (navigator.locks) void navigator.locks.request(shared, { signal: ended.signal }, listen).catch(() => undefined);
    else void listen();
    return () => {
      ended.abort();
      others.close();
      this.#last = null;
      this.waiting = {};
    };
  }

  /** Call `act` soon after something of these kinds has changed, until what is returned is called. */
  on(kinds: string[], act: () => void): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = () => {
      clearTimeout(timer);
      timer = setTimeout(act, TOGETHER);
    };
    this.#acts.set(soon, new Set(kinds));
    return () => {
      clearTimeout(timer);
      this.#acts.delete(soon);
    };
  }

  #take(told: Told): void {
    this.waiting = told.waiting;
    for (const [act, kinds] of this.#acts) if (told.changed.some((kind) => kinds.has(kind))) act();
  }
}

export const changes = new Changes();
