import type { Plugin } from "vite";

/** What uPlot opens as it is loaded, and what stands in its place: the console writes a chart's numbers and times itself. */
const OPENED: [string, string][] = [
  ["new Intl.NumberFormat(domEnv ? nav.language : 'en-US')", "{ format: String }"],
  ["new Intl.DateTimeFormat().resolvedOptions().timeZone", "undefined"],
];

/** Keeps uPlot from opening what a browser knows of the world's calendars and digits, which takes a phone 150 ms. */
export function calm(): Plugin {
  return {
    name: "calm",
    transform(code, id) {
      if (!id.endsWith("/uPlot.esm.js")) return null;
      return OPENED.reduce((calmed, [opened, instead]) => {
        if (!calmed.includes(opened)) this.error(`uPlot no longer has ${opened}: look at what it opens now.`);
        return calmed.replace(opened, instead);
      }, code);
    },
  };
}
