// The service worker: keeps what the page is made of, so that it opens without a network, and
// sets the page apart from others, which any static host then need not do: only so can the
// workers share memory.
const version = __VERSION__;
const files = __FILES__;
const name = `ilk-notebook-${version}`;

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(name)
      .then((cache) => cache.addAll(files.map((file) => new Request(file, { cache: "reload" }))))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  const old = (key) => key.startsWith("ilk-notebook-") && key !== name;
  event.waitUntil(
    caches
      .keys()
      .then((keys) => Promise.all(keys.filter(old).map((key) => caches.delete(key))))
      .then(() => self.clients.claim()),
  );
});

function apart(answer) {
  const headers = new Headers(answer.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  return new Response(answer.body, { status: answer.status, statusText: answer.statusText, headers });
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (request.method !== "GET" || address.origin !== self.location.origin) return;
  event.respondWith(
    caches.open(name).then(async (cache) => {
      const found = await cache.match(request, { ignoreSearch: request.mode === "navigate" });
      if (found) return apart(found);
      const answer = await fetch(request);
      if (answer.ok && address.pathname.includes("/ilk-wasm/")) await cache.put(request, answer.clone());
      return apart(answer);
    }),
  );
});
