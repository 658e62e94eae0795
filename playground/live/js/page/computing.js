// @ts-check
/**
 * “How it computes”: weights and provider, which a visitor chooses, and threads, which are tried once.
 *
 * @import { Options, Progress } from "../engine/protocol.js"
 * @import { App } from "./app.js"
 * @import { Choice, Tried } from "./choosing.js"
 */
import { device, keep, kept, optionsOf, threadsHere, whyNoWebGpu } from "./choosing.js";
import { line, make } from "./dom.js";
import { Kept } from "./kept.js";
import { SlowerError } from "./opening.js";

const MB = 1e6;
const IDLE = 5000; // ms without a question before threads are tried

export class Computing {
  /** @param {App} app @param {HTMLElement} place */
  constructor(app, place) {
    this.app = app;
    const { choice, tried } = kept(), { page: { computing: { weights, provider } }, site: { files, runtime } } = app.about;
    const webgpu = `${provider.help} Its runtime is ${mb(files[runtime.webgpu?.wasm ?? ""])} to fetch.`;
    /** @type {Choice} */
    this.choice = choice;
    /** @type {Tried | null} */
    this.tried = tried;
    /** What is under way. @type {Promise<void>} */
    this.work = Promise.resolve();
    this.now = make("span", { class: "now" });
    this.weights = make("p", { class: "info" });
    this.threads = make("p", { class: "info" });
    this.said = line({ role: "status", class: "said" });
    const details = make("details", { id: "computing" }, make("summary", {}, "How it computes: ", this.now),
      this.radios("weights", weights, this.weights), this.radios("provider", provider, make("p", { class: "info" }, webgpu)), this.threads, this.said.element);
    details.ontoggle = () => void this.offer();
    this.details = details;
    place.append(details);
    app.models.options = this.options(choice);
    app.onModel(() => this.show());
  }

  /** @param {keyof Choice} part @param {{ label: string, choices: Record<string, string> }} texts @param {HTMLElement} help */
  radios(part, { label, choices }, help) {
    const labels = Object.entries(choices).map(([value, said]) => {
      const input = make("input", { type: "radio", name: part, value, onchange: () => void this.choose({ [part]: value }) });
      return make("label", {}, input, make("span", {}, said));
    });
    return make("fieldset", { id: `computing-${part}`, class: "field block" }, make("legend", {}, label), help, make("div", { class: "radios" }, ...labels));
  }

  /** @param {Choice} choice @returns {Options} */
  options(choice) {
    return optionsOf({ choice, tried: this.tried }, this.app.about.site.runtime.version);
  }

  /** Say what is chosen and used. */
  show() {
    const { about, models, panel } = this.app, { weights, provider } = about.page.computing, { files } = about.site, model = about.model(panel.model), { threads } = models.options;
    for (const input of this.inputs()) input.checked = input.value === this.choice[/** @type {keyof Choice} */ (input.name)];
    this.weights.textContent = `With 8 bits this model’s network is ${mb(files[model.rounded])} to fetch, not ${mb(files[model.files.network])}. ${weights.help}`;
    this.now.textContent = `${provider.called[this.choice.provider]}, ${threads > 1 ? `${threads} threads, ` : ""}weights of ${weights.choices[this.choice.weights]}`;
    this.threads.textContent = this.tried?.said ?? "";
    this.threads.hidden = !this.tried?.said;
  }

  /** @returns {NodeListOf<HTMLInputElement>} */
  inputs() {
    return this.details.querySelectorAll("input");
  }

  /** WebGPU can be chosen where there is any. */
  async offer() {
    const why = await whyNoWebGpu(), input = [...this.inputs()].find(({ value }) => value === "webgpu");
    if (!input) return;
    input.disabled = !!why && !input.checked;
    /** @type {HTMLElement} */ (input.nextElementSibling).textContent = `${this.app.about.page.computing.provider.choices.webgpu}${why && `. ${why}`}`;
  }

  /** One thing after the other. @param {() => Promise<void>} work */
  inTurn(work) {
    this.work = this.work.then(work).catch((error) => this.said.say(this.app.sentence(error), true));
    return this.work;
  }

  /** @param {Partial<Choice>} part */
  choose(part) {
    return this.inTurn(async () => {
      const { app } = this, wanted = /** @type {Choice} */ ({ ...this.choice, ...part });
      this.said.say("Getting ready …");
      try {
        await this.change(wanted);
        this.choice = wanted;
        keep(wanted, this.tried);
        app.kept = new Kept(); // other pictures than these would be drawn now; a run that is ending has its own
        app.panel.told("typed"); // and prices are others
        this.said.say("");
        if (app.drawing.asked) void app.draw();
      } catch (error) {
        this.said.say(`${app.sentence(error)} The page goes on as before.`, true);
      }
      this.show();
    });
  }

  /** @param {Choice} wanted */
  async change(wanted) {
    const { app } = this, { models, panel } = app, report = (/** @type {Progress} */ progress) => this.said.say(models.sentence(progress));
    if (models.ready.size) await models.change(this.options(wanted), { speed: wanted.provider === "webgpu" && this.choice.provider === "wasm" }, report);
    else if (models.restart(this.options(wanted))) await app.prepare(panel.model);
  }

  /** After a model was opened: a kept choice may be refused today. */
  opened() {
    const refused = [...this.app.models.ready.values()].map(({ opened }) => opened.refused).find(Boolean);
    if (refused) {
      this.choice = { ...this.choice, provider: "wasm" };
      keep(this.choice, this.tried);
      this.said.say(`${refused} It is computed by the processor.`, true);
      this.details.open = true;
    }
    this.show();
  }

  /** Several threads are tried once, when nothing was asked for a while. */
  async tryThreads() {
    const { models, about } = this.app, threads = threadsHere(), of = device(about.site.runtime.version);
    if (threads < 2 || this.choice.provider !== "wasm" || this.tried?.of === of) return;
    await models.rest(IDLE);
    await this.inTurn(async () => {
      if (!models.ready.size) return; // the first load failed: the next visit tries
      try {
        const [one, several] = /** @type {number[]} */ (await models.change({ ...this.options(this.choice), threads }, { speed: true }));
        this.tried = { of, threads, said: `Measured here: a network call takes ${ms(several)} with ${threads} threads, ${ms(one)} with one.` };
      } catch (error) {
        if (!(error instanceof SlowerError)) return; // nothing was measured
        this.tried = { of, threads: 1, said: `Measured here: ${threads} threads are not faster than one, ${ms(error.seconds[1])} and ${ms(error.seconds[0])} a network call.` };
      }
      keep(this.choice, this.tried);
      this.show();
    });
  }
}

/** @param {import("../engine/protocol.js").FileEntry | undefined} file */
const mb = (file) => `${((file?.bytes ?? 0) / MB).toFixed(1)} MB`;

/** @param {number} seconds */
const ms = (seconds) => `${Math.round(1000 * seconds)} ms`;
