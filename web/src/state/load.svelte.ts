/** The load of a server over the last hour, as it goes on. */
import { follow } from "../api/stream";
import type { Shapes } from "../api/client";

export interface Slot {
  /** Seconds after 1970. */
  at: number;
  answered: number;
  failed: number;
  refused: number;
  p50: number | null;
  p95: number | null;
  p99: number | null;
  waiting: number;
}

export interface Minute {
  at: number;
  answered: number;
  failed: number;
  refused: number;
  slowest: number | null;
  longest: number;
}

/** An hour, in slots. */
const KEPT = 720;
export const SLOT_SECONDS = 5;
const MINUTE = 60;

export class Load {
  slots = $state.raw<Slot[]>([]);
  present = $state.raw<Shapes["PresentShown"]>();
  /** What share of a core it took since the event before. */
  processor = $state<number | null>(null);
  live = $state(false);
  #heard = 0;

  follow(signal: AbortSignal): Promise<void> {
    return follow("/health/load", signal, (said) => this.#take(said as { present: Shapes["PresentShown"]; slots: Slot[] }), (there) => (this.live = there));
  }

  #take({ present, slots }: { present: Shapes["PresentShown"]; slots: Slot[] }): void {
    const now = performance.now() / 1000;
    const [before, after] = [this.present?.cpu_seconds, present.cpu_seconds];
    if (typeof before === "number" && typeof after === "number" && now - this.#heard > 1) this.processor = Math.max(0, (after - before) / (now - this.#heard));
    this.#heard = now;
    this.present = present;
    this.slots = [...this.slots, ...slots].slice(-KEPT);
  }
}

/** The newest minutes, the newest first. */
export function minutes(slots: Slot[], most: number): Minute[] {
  const found = new Map<number, Minute>();
  for (const slot of slots) {
    const at = Math.floor(slot.at / MINUTE) * MINUTE;
    const minute = found.get(at) ?? { at, answered: 0, failed: 0, refused: 0, slowest: null, longest: 0 };
    minute.answered += slot.answered;
    minute.failed += slot.failed;
    minute.refused += slot.refused;
    minute.slowest = slot.p99 === null ? minute.slowest : Math.max(slot.p99, minute.slowest ?? 0);
    minute.longest = Math.max(minute.longest, slot.waiting);
    found.set(at, minute);
  }
  return [...found.values()].reverse().slice(0, most);
}
