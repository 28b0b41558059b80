import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

export default defineConfig({
  base: "./", // works behind any path prefix
  plugins: [svelte()],
  build: {
    outDir: "../regard/console/dist",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the Content-Security-Policy allows no data: URL for code, styles and fonts
    modulePreload: { polyfill: false },
    license: { fileName: "licences.md" }, // what has to go with every copy of what is built in
    target: "es2022",
  },
});
