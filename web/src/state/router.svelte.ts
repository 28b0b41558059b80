/** Which page is shown. It stands behind `#`, so that no server, proxy or log ever sees the names in it. */

export interface Place {
  /** The first step: "search", "cases"… */
  page: string;
  /** The steps after it, decoded. */
  steps: string[];
}

function read(): Place {
  const [page = "", ...steps] = location.hash.replace(/^#\/?/, "").split("/");
  return { page, steps: steps.map(decoded) };
}

function decoded(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}

class Router {
  place = $state(read());

  constructor() {
    addEventListener("hashchange", () => {
      this.place = read();
      scrollTo(0, 0);
    });
  }
}

export const router = new Router();

/** The address of a page, for a link. */
export function to(page: string, ...steps: string[]): string {
  return `#/${[page, ...steps].map(encodeURIComponent).join("/")}`;
}

export function go(page: string, ...steps: string[]): void {
  location.hash = to(page, ...steps);
}
