import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";
import { calm } from "./calm.ts";
import { early } from "./early.ts";
import { smaller } from "./smaller.ts";

/** What this many pages or more need comes with the first script: on a slow line a file more costs more than its bytes. */
const SHARED = 3;

/** Has Chromium compile every function where it reads a script, beside the page, rather than in it when each is called:
 * a third less of the page's own time. Other browsers pass over it. */
const COMPILED = "//# allFunctionsCalledOnLoad\n";

export default defineConfig({
  base: "./", // works behind any path prefix
  plugins: [svelte(), early(), calm(), smaller()],
  build: {
    outDir: "../regard/console/dist",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the Content-Security-Policy allows no data: URL for code, styles and fonts
    cssCodeSplit: false, // 9 kB altogether, in one file instead of two for each page
    modulePreload: { polyfill: false },
    license: { fileName: "licences.md" }, // what has to go with every copy of what is built in
    rolldownOptions: {
      output: { codeSplitting: { groups: [{ name: "shared", minShareCount: SHARED }] }, postBanner: COMPILED },
    },
    target: "es2022",
  },
});
