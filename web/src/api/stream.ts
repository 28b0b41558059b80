/** Server-sent events of `/v1`. Read by `fetch`, which, unlike EventSource, says why there is no stream, and lets us wait
 * longer each time. */
import { Problem, opened } from "./client";

interface Told {
  id: string;
  data: string;
}

const [FIRST_PAUSE, LONGEST_PAUSE] = [2_000, 60_000];

/** Calls `act` with what each event says, until `signal`; comes again after an interruption with what was heard last, so
 * that nothing is missed. `open` is told whether there is a connection. */
export async function follow(path: string, signal: AbortSignal, act: (said: unknown) => void, open: (there: boolean) => void = () => undefined): Promise<void> {
  let last = "";
  let pause = FIRST_PAUSE;
  while (!signal.aborted) {
    try {
      for await (const told of events(path, last, signal)) {
        open(true);
        last = told.id || last;
        pause = FIRST_PAUSE;
        if (told.data) act(JSON.parse(told.data));
      }
    } catch (error) {
      if (error instanceof Problem && (error.signedOut || error.status === 403)) return;
    }
    open(false);
    await elapsed(pause * (0.75 + Math.random() / 2), signal); // so that not all come at once when a server is back
    pause = Math.min(LONGEST_PAUSE, 2 * pause);
  }
}

async function* events(path: string, last: string, signal: AbortSignal): AsyncGenerator<Told> {
  const answer = await opened(path, { signal, headers: { Accept: "text/event-stream", ...(last ? { "Last-Event-ID": last } : {}) } });
  const lines = answer.body!.pipeThrough(new TextDecoderStream());
  const reader = lines.getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop()!;
    for (const block of blocks) yield read(block);
  }
}

function read(block: string): Told {
  const told: Told = { id: "", data: "" };
  for (const line of block.split("\n")) {
    if (line.startsWith("id: ")) told.id = line.slice(4);
    else if (line.startsWith("data: ")) told.data += line.slice(6);
  }
  return told;
}

function elapsed(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
