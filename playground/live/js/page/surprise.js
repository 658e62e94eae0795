// @ts-check
/**
 * Where the page contradicts what people have read: a question, closed, and its answer with what was
 * measured here (page/surprises.py).
 *
 * @import { App } from "./app.js"
 */
import { make, prose } from "./dom.js";

/** Nothing if nothing was measured. @param {App} app @param {string} name @returns {HTMLElement[]} */
export function surprise({ about }, name) {
  const { question, answer } = about.page.surprises[name];
  return answer ? [make("details", { class: "block" }, make("summary", {}, question), prose(answer))] : [];
}
