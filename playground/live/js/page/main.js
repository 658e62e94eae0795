// @ts-check
/** The page begins. */
import { About } from "./about.js";
import { App } from "./app.js";
import { button, byId } from "./dom.js";
import { models, tables } from "./early.js";
import { begin as keep } from "./offline.js";

async function begin() {
  byId("trouble").hidden = true;
  try {
    const [site, page] = await tables;
    document.title = page.title;
    byId("intro").textContent = page.intro.split("\n").slice(1).join(" ");
    const app = new App(new About(site, page), models);
    await import("./typing.js").then(({ default: listen }) => listen());
    await import("./terms.js").then(({ default: listen }) => listen());
    keep(site);
    await app.begin();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error), box = byId("trouble");
    box.replaceChildren(`The page could not be loaded: ${text} `, button("Try again", () => location.reload(), { class: "small" }));
    box.hidden = false;
  }
}

await begin();
