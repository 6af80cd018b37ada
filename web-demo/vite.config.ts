import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { extname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import { defineConfig, type Plugin } from "vite";

const home = fileURLToPath(new URL(".", import.meta.url));
const ilkPackage = join(home, "../wasm/pkg");
const TYPES: Record<string, string> = { ".js": "text/javascript", ".wasm": "application/wasm" };

/** The package's files that a page needs, by their paths in it. */
function packageFiles(): string[] {
  const all = readdirSync(ilkPackage, { recursive: true, encoding: "utf8" });
  return all.filter((path) => {
    const place = join(ilkPackage, path);
    return statSync(place).isFile() && /\.(js|wasm)$/.test(path) && !path.startsWith("node.");
  });
}

/**
 * Serves the wasm package as it is, beside the page: its files find each other, and its threads
 * begin from their own addresses, which a bundler would change.
 */
function withPackage(): Plugin {
  return {
    name: "ilk-package",
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const path = /\/ilk-wasm\/([^?]*)/.exec(request.url ?? "")?.[1];
        if (path === undefined || !packageFiles().includes(path)) return next();
        response.setHeader("Content-Type", TYPES[extname(path)] ?? "application/octet-stream");
        createReadStream(join(ilkPackage, path)).pipe(response);
      });
    },
    generateBundle() {
      if (!existsSync(join(ilkPackage, "index.js"))) {
        this.error("the wasm package is not built: run `cargo xtask wasm`");
      }
      for (const path of packageFiles()) {
        const source = readFileSync(join(ilkPackage, path));
        this.emitFile({ type: "asset", fileName: `ilk-wasm/${path}`, source });
      }
    },
  };
}

/** Writes the service worker with the list of what the page needs offline. */
function offline(): Plugin {
  return {
    name: "offline",
    enforce: "post",
    generateBundle(_, bundle) {
      const hash = createHash("sha256");
      const files = Object.keys(bundle).filter((name) => !name.endsWith(".map"));
      for (const name of files.sort()) {
        const part = bundle[name];
        hash.update(name).update(part?.type === "asset" ? part.source : (part?.code ?? ""));
      }
      const list = ["./", ...files.filter((name) => !isThreads(name))];
      const source = readFileSync(join(home, "src/offline.js"), "utf8")
        .replace("__VERSION__", JSON.stringify(hash.digest("hex").slice(0, 16)))
        .replace("__FILES__", JSON.stringify(list));
      this.emitFile({ type: "asset", fileName: "sw.js", source });
    },
  };
}

/** The build with threads is kept when it is first used: most pages never fetch it. */
function isThreads(name: string): boolean {
  return relative("ilk-wasm/threads", name).startsWith("..") === false;
}

export default defineConfig({
  base: "./",
  plugins: [withPackage(), offline()],
  define: { HAS_THREADS: JSON.stringify(existsSync(join(ilkPackage, "threads/ilk_wasm.js"))) },
  worker: { format: "es" },
  // The licences of what is bundled go along.
  build: { license: { fileName: "licences.md" }, target: "es2022", chunkSizeWarningLimit: 1500, assetsInlineLimit: 0, modulePreload: { polyfill: false } },
});
