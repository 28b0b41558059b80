/** Hears from the server what changed, as it changes (`/v1/events`). */
import { address } from "../api/client";

/** Calls `act` when any of these kinds of things has changed; returns what ends that. */
export function whenChanged(kinds: string[], act: () => void): () => void {
  const stream = new EventSource(address("/events"));
  stream.addEventListener("changed", (event) => {
    const { changed } = JSON.parse((event as MessageEvent<string>).data) as { changed: string[] };
    if (changed.some((kind) => kinds.includes(kind))) act();
  });
  return () => stream.close();
}
