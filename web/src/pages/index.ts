/** The pages, each loaded when it is first shown. */
import type { Component } from "svelte";
import { FILES } from "./files";
import { session } from "../state/session.svelte";
import { words } from "../words";

export interface PageProps {
  /** What stands behind the page's name in the address. */
  steps: string[];
}

type Name = keyof typeof FILES;

interface Page {
  name: Name;
  title: string;
  /** What it is called in a phone's bar, where the title is too long for it. */
  short?: string;
  /** Drawn in a box of 24 by 24. */
  icon: string;
  /** What of `changes.waiting` is dealt with there; `uncounted` where it is not told how many. */
  waits?: string;
  uncounted?: boolean;
  /** Whether it is offered to whoever has signed in. */
  offered: () => boolean;
}

interface Script {
  default: Component<PageProps>;
}

const SCRIPTS = import.meta.glob<Script>(["./*.svelte", "!./SignIn.svelte", "!./Welcome.svelte"]);

/** Pages in a phone's bar. */
const ROOM = 5;

const PAGES: Page[] = [
  {
    name: "search",
    title: words.nav.search,
    icon: "M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM15.500 15.500 20 20",
    offered: () => session.may("searcher"),
  },
  {
    name: "review",
    title: words.nav.review,
    icon: "M4 5h7v14H4zM13 5h7v14h-7zM7.500 10v4M16.500 10v4",
    offered: () => session.may("reviewer"),
    waits: "reviews",
    uncounted: true,
  },
  {
    name: "cases",
    title: words.nav.cases,
    icon: "M3 7h6l2 2h10v10H3zM3 7V5h6l2 2",
    offered: () => session.may("searcher", "auditor", "overseer"),
  },
  {
    name: "authorisations",
    title: words.nav.authorisations,
    short: words.nav.authorisationsShort,
    icon: "M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM9 12l2 2 4-4.500",
    offered: () => session.me?.profile !== "open" && session.may("searcher", "enroller", "overseer", "auditor"),
    waits: "authorisations",
  },
  {
    name: "collections",
    title: words.nav.collections,
    short: words.nav.collectionsShort,
    icon: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
    offered: () => session.may("administrator", "enroller", "searcher", "auditor", "overseer"),
  },
  {
    name: "library",
    title: words.nav.library,
    icon: "M3 5h18v14H3zM3 16l5-5 4 4 3-3 6 5M15.500 9.500h.01",
    offered: () => session.may("enroller", "searcher"),
  },
  {
    name: "video",
    title: words.nav.video,
    icon: "M3 6h13v12H3zM16 10l5-3v10l-5-3",
    offered: () => session.may("administrator", "enroller", "searcher", "auditor", "overseer"),
  },
  {
    name: "ledger",
    title: words.nav.ledger,
    icon: "M5 4h11l3 3v13H5zM8 9h8M8 13h8M8 17h5",
    offered: () => session.me?.profile !== "open" && session.may("auditor", "overseer"),
  },
  {
    name: "reports",
    title: words.nav.reports,
    icon: "M4 20h16M7 20v-7M12 20V6M17 20v-10",
    offered: () => session.may("auditor", "overseer", "administrator"),
  },
  {
    name: "staff",
    title: words.nav.staff,
    icon: "M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM3 20c.5-4 3-6 6-6s5.500 2 6 6M15.500 4.500a3.500 3.500 0 0 1 0 6.500M17.500 14.500c2 .5 3.200 2.500 3.500 5.500",
    offered: () => session.can("GET /v1/people"),
  },
  {
    name: "thresholds",
    title: words.nav.thresholds,
    icon: "M4 8h9M17 8h3M15 5.500v5M4 16h3M11 16h9M9 13.500v5",
    offered: () => session.named && session.may("administrator", "auditor", "overseer"),
    waits: "thresholds",
  },
  {
    name: "suspensions",
    title: words.nav.suspensions,
    icon: "M8 3.500h8l4.500 4.500v8L16 20.500H8L3.500 16V8zM9.500 9.500v5M14.500 9.500v5",
    offered: () => session.may("administrator", "auditor", "overseer"),
    waits: "suspensions",
  },
  {
    name: "incidents",
    title: words.nav.incidents,
    icon: "M12 4 2.500 20h19zM12 10v4.500M12 17.200v.01",
    offered: () => session.can("POST /v1/incidents") || session.can("GET /v1/incidents"),
    waits: "incidents",
  },
  {
    name: "accuracy",
    title: words.nav.accuracy,
    icon: "M4 4v16h16M7 16c3-1 4-9 6-9s2 5 6 6",
    offered: () => session.can("GET /v1/accuracy"),
  },
  {
    name: "health",
    title: words.nav.health,
    icon: "M3 12h4l2.500-6 4 12 2.500-6h5",
    offered: () => session.can("GET /v1/health"),
  },
  {
    name: "settings",
    title: words.nav.settings,
    icon: "M4 7h10M18 7h2M16 5v4M4 17h2M10 17h10M8 15v4",
    offered: () => session.can("GET /v1/settings"),
  },
  {
    name: "sign-ins",
    title: words.nav.signIns,
    icon: "M3 5h12v9H3zM6 18h6M9 14v4M18 9h3v10h-3z",
    offered: () => session.can("GET /v1/me/sign-ins"),
  },
  {
    name: "you",
    title: words.nav.account,
    icon: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.500 20c1-4 4-6 7.500-6s6.500 2 7.500 6",
    offered: () => true,
  },
];

const MORE: Page = {
  name: "more",
  title: words.nav.more,
  icon: "M5 12h.01M12 12h.01M19 12h.01",
  offered: () => true,
  waits: "more",
};

/** Where the first administrator begins; it is led to, and stands in no bar. */
const START: Page = {
  name: "start",
  title: words.start.title,
  icon: "",
  offered: () => session.may("administrator"),
};

/** A page's own script. The document has sent for that of the first page before. */
export function script(name: Name, steps: string[]): Promise<Script> {
  const further = `${name}/`;
  const file = steps[0] && further in FILES ? FILES[further as Name] : FILES[name];
  return SCRIPTS[`./${file}.svelte`]!();
}

export function offered(): Page[] {
  // Whoever was given a password sets their own first: nothing else is allowed.
  return PAGES.filter((page) => (session.me?.must_set_password ? page.name === "you" : page.offered()));
}

/** What a phone's bar has room for: the first pages, and one that leads to the others. */
export function inBar(): Page[] {
  const all = offered();
  return all.length <= ROOM ? all : [...all.slice(0, ROOM - 1), MORE];
}

/** The page of this name; else the first that is offered. */
export function pageOf(name: string): Page {
  const all = offered();
  if (session.me?.must_set_password) return all[0]!;
  if (name === START.name && START.offered()) return START;
  return name === MORE.name ? MORE : (all.find((page) => page.name === name) ?? all[0]!);
}
