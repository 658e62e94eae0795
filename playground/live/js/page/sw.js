// @ts-nocheck
// The service worker: the page itself stays in the browser, so that it opens without network.
// VERSION, EARLY (paths kept at once), KEPT (paths that may be kept, with their hashes) and INSIDE
// (paths of unpacked WebAssembly, with theirs) stand in front of this. Models and WebAssembly are kept by
// files/fetching.js, by their hash; WebAssembly is answered too, so that Chromium keeps its compiled code.
const CACHE = "latent-playground-page-" + VERSION;
const SCOPE = new URL("./", self.location.href).href;

self.addEventListener("install", (event) => {
  // Where browsers know of it they read the page's files themselves, without waking this script for each
  // (https://w3c.github.io/ServiceWorker/#service-worker-static-routing); an address may hold a recipe.
  const { pathname } = new URL(SCOPE), plain = EARLY.filter((path) => path !== "index.html");
  if (event.addRoutes) event.waitUntil(event.addRoutes({ condition: { or: plain.map((path) => ({ urlPattern: { pathname: pathname + path } })) }, source: { cacheName: CACHE } }).catch(() => {}));
  // A newer edition waits until no page of the older one is open: that page fetches modules of its own.
  event.waitUntil(caches.open(CACHE).then((cache) => Promise.all(EARLY.map((path) => fetched(cache, path)))).then(() => self.registration.active ?? self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (name) => name.startsWith("latent-playground-page-") && name !== CACHE;
  event.waitUntil(
    caches.keys().then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name)))).then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event, path = pathOf(request.url);
  if (request.method !== "GET") return;
  if (path in KEPT) event.respondWith(kept(path, request));
  if (path in INSIDE) event.respondWith(caches.match("https://kept.invalid/" + INSIDE[path]).then((found) => found ?? fetch(request)));
});

// The path from the page's folder; of a folder its index, and without a link's recipe.
function pathOf(url) {
  const { origin, pathname } = new URL(url), whole = origin + pathname;
  return whole.startsWith(SCOPE) ? whole.slice(SCOPE.length) || "index.html" : "";
}

/** Browsers take no redirected answer for a page: some hosts redirect index.html to the folder. */
const direct = (answer) => (answer.redirected ? new Response(answer.body, { status: answer.status, headers: answer.headers }) : answer);

async function fetched(cache, path) {
  const answer = await fetch(new Request(SCOPE + path, { cache: "no-cache" }));
  if (!answer.ok) throw new TypeError(`${path}: ${answer.status}`);
  return cache.put(SCOPE + path, direct(answer));
}

async function kept(path, request) {
  const found = await caches.match(SCOPE + path, { cacheName: CACHE });
  if (found) return found;
  const answer = await fetch(request);
  if (answer.ok && answer.status === 200) {
    const copy = direct(answer.clone());
    caches.open(CACHE).then((cache) => cache.put(SCOPE + path, copy)).catch(() => {}); // a full disk: next time from the network
  }
  return answer;
}
