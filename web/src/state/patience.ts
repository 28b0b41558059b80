/** Another try, after a while, where the line is lost for a moment or the server has no turn. */
import { Problem } from "../api/client";

/** Waits before another try, in milliseconds. */
const WAITS = [800, 2000, 5000];
/** Nothing was done: the request did not arrive, or was turned away at the door. */
const AGAIN = new Set([0, 429, 502, 503]);

/** What `act` gives, tried again where the line or the server has a bad moment. Rejects as `act` does in the end. */
export async function patiently<T>(act: () => Promise<T>): Promise<T> {
  for (const wait of WAITS) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof Problem) || !AGAIN.has(error.status)) throw error;
      await new Promise((later) => setTimeout(later, wait));
    }
  }
  return act();
}
