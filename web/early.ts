import type { Plugin, Rolldown } from "vite";
import { FILES } from "./src/pages/files.ts";

const HERE = "<!-- early -->";

/** Has a page's own script on its way together with the first one, instead of after it. Which page it is stands behind
 * `#`, where no server sees it: so the document itself looks. The server allows this one script by its hash. */
export function early(): Plugin {
  return {
    name: "early",
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle }) {
        return bundle ? html.replace(HERE, () => `<script>${source(scripts(bundle, html))}</script>`) : html;
      },
    },
  };
}

/** By a page's name in the address, what its script consists of and the document does not name. */
function scripts(bundle: Rolldown.OutputBundle, html: string): Map<string, string[]> {
  const chunks = Object.values(bundle).filter((each) => each.type === "chunk");
  return new Map(
    Object.entries(FILES).map(([name, file]) => {
      const page = chunks.find((each) => each.facadeModuleId?.endsWith(`/src/pages/${file}.svelte`));
      if (!page) throw new Error(`${file}.svelte is no chunk of its own`);
      return [name, [page.fileName, ...page.imports].filter((each) => !html.includes(each))];
    }),
  );
}

function source(files: Map<string, string[]>): string {
  const named = JSON.stringify([...files]);
  return `{
const files = new Map(${named});
const [name, step] = location.hash.replace(/^#\\/?/, "").split("/");
for (const file of (step && files.get(name + "/")) || files.get(name || "search") || []) {
  const link = document.createElement("link");
  link.rel = "modulepreload";
  link.href = "./" + file;
  document.head.append(link);
}
}`;
}
