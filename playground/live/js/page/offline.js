// @ts-check
/**
 * The page stays in the browser: a service worker keeps its own files, files/fetching.js the models.
 *
 * @import { Site } from "../engine/protocol.js"
 */
import { tidy } from "../files/fetching.js";

/** @param {Site} site */
export function begin(site) {
  if (!("serviceWorker" in navigator)) return; // not by HTTPS, or private: then the network is needed each time
  navigator.serviceWorker.register(new URL("../../sw.js", import.meta.url), { updateViaCache: "none" }).catch(() => {});
  navigator.storage?.persist?.().catch(() => {});
  void tidy(site);
}
