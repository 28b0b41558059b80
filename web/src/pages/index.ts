/** The pages, each loaded when it is first shown. */
import type { Component } from "svelte";
import { session } from "../state/session.svelte";
import { words } from "../words";

export interface PageProps {
  /** What stands behind the page's name in the address. */
  steps: string[];
}

interface Page {
  name: string;
  title: string;
  /** What it is called in a phone's bar, where the title is too long for it. */
  short?: string;
  /** Drawn in a box of 24 by 24. */
  icon: string;
  /** Whether it is offered to whoever has signed in. */
  offered: () => boolean;
  load: () => Promise<{ default: Component<PageProps> }>;
}

/** Pages in a phone's bar. */
const ROOM = 5;

const PAGES: Page[] = [
  {
    name: "search",
    title: words.nav.search,
    icon: "M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM15.500 15.500 20 20",
    offered: () => session.may("searcher"),
    load: () => import("./Search.svelte"),
  },
  {
    name: "review",
    title: words.nav.review,
    icon: "M4 5h7v14H4zM13 5h7v14h-7zM7.500 10v4M16.500 10v4",
    offered: () => session.may("reviewer"),
    load: () => import("./Review.svelte"),
  },
  {
    name: "cases",
    title: words.nav.cases,
    icon: "M3 7h6l2 2h10v10H3zM3 7V5h6l2 2",
    offered: () => session.may("searcher", "auditor", "overseer"),
    load: () => import("./Cases.svelte"),
  },
  {
    name: "authorisations",
    title: words.nav.authorisations,
    short: words.nav.authorisationsShort,
    icon: "M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM9 12l2 2 4-4.500",
    offered: () => session.me?.profile !== "open" && session.may("searcher", "enroller", "overseer", "auditor"),
    load: () => import("./Authorisations.svelte"),
  },
  {
    name: "collections",
    title: words.nav.collections,
    icon: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
    offered: () => session.may("administrator", "enroller", "searcher", "auditor", "overseer"),
    load: () => import("./Collections.svelte"),
  },
  {
    name: "library",
    title: words.nav.library,
    icon: "M3 5h18v14H3zM3 16l5-5 4 4 3-3 6 5M15.500 9.500h.01",
    offered: () => session.may("enroller", "searcher"),
    load: () => import("./Library.svelte"),
  },
  {
    name: "video",
    title: words.nav.video,
    icon: "M3 6h13v12H3zM16 10l5-3v10l-5-3",
    offered: () => session.may("administrator", "enroller", "searcher", "auditor", "overseer"),
    load: () => import("./Video.svelte"),
  },
  {
    name: "ledger",
    title: words.nav.ledger,
    icon: "M5 4h11l3 3v13H5zM8 9h8M8 13h8M8 17h5",
    offered: () => session.me?.profile !== "open" && session.may("auditor", "overseer"),
    load: () => import("./Ledger.svelte"),
  },
  {
    name: "reports",
    title: words.nav.reports,
    icon: "M4 20h16M7 20v-7M12 20V6M17 20v-10",
    offered: () => session.may("auditor", "overseer", "administrator"),
    load: () => import("./Reports.svelte"),
  },
  {
    name: "you",
    title: words.nav.account,
    icon: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.500 20c1-4 4-6 7.500-6s6.500 2 7.500 6",
    offered: () => true,
    load: () => import("./Account.svelte"),
  },
];

const MORE: Page = {
  name: "more",
  title: words.nav.more,
  icon: "M5 12h.01M12 12h.01M19 12h.01",
  offered: () => true,
  load: () => import("./More.svelte"),
};

export function offered(): Page[] {
  return PAGES.filter((page) => page.offered());
}

/** What a phone's bar has room for: the first pages, and one that leads to the others. */
export function inBar(): Page[] {
  const all = offered();
  return all.length <= ROOM ? all : [...all.slice(0, ROOM - 1), MORE];
}

/** The page of this name; else the first that is offered. */
export function pageOf(name: string): Page {
  const all = offered();
  return name === MORE.name ? MORE : (all.find((page) => page.name === name) ?? all[0]!);
}
