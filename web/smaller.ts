import { brotliCompressSync, constants } from "node:zlib";
import type { Plugin } from "vite";

const KINDS = /\.(js|css|html|svg|webmanifest)$/;

/** Puts beside each text what it is as Brotli, which is a ninth smaller than gzip. Python's own library has none. */
export function smaller(): Plugin {
  return {
    name: "smaller",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        for (const [fileName, file] of Object.entries(bundle)) {
          if (!KINDS.test(fileName)) continue;
          const source = Buffer.from(file.type === "chunk" ? file.code : file.source);
          const params = { [constants.BROTLI_PARAM_SIZE_HINT]: source.length };
          this.emitFile({ type: "asset", fileName: `${fileName}.br`, source: brotliCompressSync(source, { params }) });
        }
      },
    },
  };
}
