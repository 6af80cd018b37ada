// What every test needs: a static server with the built page below some path, and a browser.
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { serveFiles, startBrowser } from "../../wasm/tests/harness.js";

const dist = fileURLToPath(new URL("../dist", import.meta.url));

/** Serves the page below a path of its own, as a static host may. */
export async function serve({ isolated = false, path = "/some/where/" } = {}) {
  const placeOf = (asked) => (asked.startsWith(path) ? join(dist, asked.slice(path.length) || "index.html") : undefined);
  const { server, origin } = await serveFiles(placeOf, isolated);
  return { server, url: origin + path };
}

/** Begins a browser as on a desk, with an empty profile; `close` ends it and removes the profile. */
export function browse(options = {}) {
  return startBrowser({ viewport: { width: 1280, height: 800 }, acceptDownloads: true, ...options });
}
