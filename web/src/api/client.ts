/** Requests to `/v1`. Who asks is in a cookie that scripts cannot read. */
import type { components } from "./schema";

export type Shapes = components["schemas"];

const BASE = new URL("../v1", document.baseURI.replace(/#.*/, "")).pathname;
/** Says that the console's own page asks: another site's page cannot send it. */
const CONSOLE = { "x-regard-console": "1" };

/** A person of a collection, as they are now. */
export interface Current {
  user_id: string;
  version: string;
  face_ids: string[];
}

/** An answer that says what is wrong and what to do (RFC 9457). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly requestId = "",
    /** What is there now, where somebody else has changed what was seen. */
    readonly current: Current | null = null,
  ) {
    super(detail);
  }

  /** Nobody is signed in, or no longer. */
  get signedOut(): boolean {
    return this.status === 401;
  }
}

/** From so many characters on a body is compressed: a picture in base64 then takes no more than its bytes. */
const WORTH_COMPRESSING = 4096;

type Query = Record<string, string | number | undefined>;

let signedOut = (): void => undefined;

/** What to do when an answer says that nobody is signed in any more. */
export function whenSignedOut(act: () => void): void {
  signedOut = act;
}

interface Asked {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  body?: unknown;
  headers?: Record<string, string>;
  query?: Query;
  signal?: AbortSignal;
}

/** Where a path of `/v1` is, for a link that the browser follows itself. */
export function address(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter((each): each is [string, string | number] => each[1] !== undefined);
  return BASE + path + (given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : "");
}

/** What `/v1` answers. Throws a Problem, also where there is no connection. */
export async function ask<T>(path: string, asked: Asked = {}): Promise<T> {
  const answer = await opened(path, asked);
  return answer.status === 204 ? (undefined as T) : ((await answer.json()) as T);
}

/** An answer whose body is still to be read. Throws as `ask`. */
export async function opened(path: string, { method = "GET", body, headers = {}, query = {}, signal }: Asked = {}): Promise<Response> {
  let answer: Response;
  const sent = body === undefined ? undefined : await packed(JSON.stringify(body));
  try {
    answer = await fetch(address(path, query), {
      method,
      headers: { ...CONSOLE, ...sent?.headers, ...headers },
      body: sent?.body,
      credentials: "same-origin",
      cache: "no-store",
      signal,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, "NoConnection", "The server cannot be reached. Check the connection, then try again.");
  }
  if (answer.ok) return answer;
  const found = await problem(answer);
  if (found.signedOut && !path.startsWith("/sign-in")) signedOut();
  throw found;
}

async function packed(text: string): Promise<{ body: BodyInit; headers: Record<string, string> }> {
  const headers = { "Content-Type": "application/json" };
  if (text.length < WORTH_COMPRESSING || !("CompressionStream" in window)) return { body: text, headers };
  const compressed = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return { body: await new Response(compressed).arrayBuffer(), headers: { ...headers, "Content-Encoding": "gzip" } };
}

/** What a refusal says, less the request that it names to a program. */
function plain(detail: string): string {
  const said = detail.replace(/^(GET|POST|PUT|DELETE) \S+ is refused: /, "");
  return said.charAt(0).toUpperCase() + said.slice(1);
}

async function problem(answer: Response): Promise<Problem> {
  try {
    const said = (await answer.json()) as { code: string; detail: string; request_id: string; current?: Current };
    return new Problem(answer.status, said.code, plain(said.detail), said.request_id, said.current ?? null);
  } catch {
    return new Problem(answer.status, "Unreadable", `The server answered ${answer.status}, and nothing more.`);
  }
}

/** A step of a path, whatever is in it. */
export function step(text: string | number): string {
  return encodeURIComponent(String(text));
}
