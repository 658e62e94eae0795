// @ts-check
/**
 * What a page may ask of the engine, and what comes back: plain objects and typed arrays.
 *
 * The same nouns as in Python, with the same names: engine/session.py (Session, PromptFacts,
 * ModelFacts, Price), engine/events.py (Task, Step, Picture, Failure, Dropped) and recipe.py. A page
 * uses `session.js`; the messages between the page and the worker are at the end of this file.
 *
 * @typedef {Float32Array | Uint8Array | Uint8ClampedArray | Float64Array} Numbers
 */

/**
 * Numbers in row-major order, as numpy has them.
 * @template {Numbers} [T=Float32Array]
 * @typedef {{ shape: number[], data: T }} NdArray
 */

/**
 * A recipe with every field of site.json's `recipe.fields`, named as in Python.
 * @typedef {{
 *   prompt: string, negative: string, guidance: number, rescale: number, guidance_start: number,
 *   guidance_stop: number, guidance_schedule: string, guider: string, sampler: string,
 *   steps: number, eta: number, seed: number, width: number, height: number, model: string,
 *   lora: string, weights: string
 * }} Recipe
 */

/**
 * Latents that are there already [channels, h, w], read at these levels: one call each.
 * @typedef {{ latents: NdArray, levels: Level[] }} GivenLatents
 */

/**
 * What one cell computes. `steps` replaces the recipe's, up to every training timestep; `exact` asks
 * for the exact solution of its ODE from its noise times this number; with `given` nothing is drawn.
 * @typedef {{ recipe: Recipe, steps?: number, exact?: number, given?: GivenLatents }} Task
 */

/**
 * x = signal·x0 + noise·ε at the timestep t.
 * @typedef {{ signal: number, noise: number, t: number }} Level
 */

/** @typedef {"cond" | "uncond"} Branch */

/**
 * Token maps [columns, h, w] by grid: the key is "HxW", as "16x16".
 * @typedef {Record<string, NdArray>} Maps
 */

/**
 * Every head of the layers of one grid: codes [layers·heads, columns, h, w], p = (code/255)². Their
 * columns are: start, each word, what is between words, end, padding.
 * @typedef {{ layers: string[], codes: NdArray<Uint8Array> }} Heads
 */

/**
 * One network call of one cell. Latents are [channels, h, w]. `clean` and `previews` have a key for
 * each computed branch and "guided"; previews are RGB [h, w, 3], a pixel per position of the latents.
 * `maps` are the conditional branch's, if recorded; `heads` of every branch and head, if asked for.
 * @typedef {{
 *   kind: "step", cell: number, index: number, count: number, level: Level, guidance: number,
 *   latents: NdArray, clean: Record<string, NdArray>,
 *   previews: Record<string, NdArray<Uint8ClampedArray>>,
 *   maps: Maps | null, heads: Record<string, Record<string, Heads>> | null
 * }} Step
 */

/**
 * The exact solution: path [points, channels, h, w], and the RMSE within which its end is known.
 * @typedef {{ path: NdArray, bound: number }} Exact
 */

/**
 * A finished cell. `image` is RGBA [height, width, 4], as a canvas takes it; `seconds` are by stage:
 * words, network, solver, decoder; `shared` counts rows that were computed once for several cells.
 * @typedef {{
 *   kind: "picture", cell: number, recipe: Recipe, image: NdArray<Uint8ClampedArray>,
 *   latents: NdArray, calls: number, rows: number, shared: number,
 *   seconds: Record<string, number>, networks: string[], exact: Exact | null
 * }} Picture
 */

/** @typedef {{ kind: "failure", cell: number, reason: string }} Failure */
/** @typedef {{ kind: "dropped", cell: number }} Dropped */

/**
 * The first event of every run: how many network calls each cell has.
 * @typedef {{ kind: "started", counts: number[] }} Started
 */

/** @typedef {Started | Step | Picture | Failure | Dropped} Event */

/**
 * One occurrence of a word. `start` and `end` count characters (code points, as in Python); `tokens`
 * are positions in the sequence, `columns` rows of a token map; `known` is false for a word that the
 * model has never seen, `content` for an article, a preposition and the like.
 * @typedef {{
 *   text: string, start: number, end: number, tokens: number[], columns: number[],
 *   known: boolean, content: boolean
 * }} Word
 */

/**
 * A prompt as the network reads it. `names` are the tokens that are not padding; `roles` say of each
 * row of a token map: start, content, end, padding; `cut` are words beyond the longest text; `embeds`
 * [tokens, width] are the text encoder's.
 * @typedef {{
 *   text: string, ids: number[], names: string[], roles: string[], words: Word[], cut: string[],
 *   embeds: NdArray
 * }} PromptFacts
 */

/**
 * Network calls (NFE) and rows, the batched calls that compute them, and seconds (null as long as no
 * call was measured).
 * @typedef {{ calls: number, rows: number, launches: number, seconds: number | null }} Price
 */

/**
 * How the second of two pictures reads the first one's attention: `kind` is swap, refine or reweight;
 * `word` and `which` name the swapped word, `weights` are by the word's position in the prompt, `share`
 * is the part of the steps.
 * @typedef {{
 *   kind: string, share: number, word: string, which: number | null, by: string, prompt: string,
 *   weights: Record<number, number>
 * }} Edit
 */

/**
 * What an edit comes to: the edited recipe, and the positions of the words that it is about in the
 * source's and in its own prompt.
 * @typedef {{ recipe: Recipe, touched: [number[], number[]] }} EditPlan
 */

/**
 * One layer's cross-attention at one spatial position (attention/worked.py: Layer): `scores`,
 * `weights` and `moves` are [heads][columns], `moved` [heads].
 * @typedef {{
 *   name: string, grid: [number, number], place: [number, number], width: number,
 *   scores: number[][], weights: number[][], moves: number[][], moved: number[], total: number,
 *   feature: number
 * }} WorkedLayer
 */

/**
 * What the oracle finds in pictures of one prompt (world/measures.py).
 * @typedef {{ lenient: number, strict: number, diversity: number, saturation: number }} Measures
 */

/**
 * How maps of many calls and grids become one map per word (attention/summing.py: Aggregation).
 * @typedef {{ latest: number, weights: number[], edges: number }} Aggregation
 */

// ---- site.json ----------------------------------------------------------------------------------

/**
 * A file of the edition: its path from the folder of site.json, its hash and its length. Where
 * `unpacked` is given the file is gzip, and hash and length of what is inside are these; with two
 * `planes` its even bytes come before its odd ones.
 * @typedef {{
 *   path: string, sha256: string, bytes: number,
 *   unpacked?: { sha256: string, bytes: number, planes: number }
 * }} FileEntry
 */

/**
 * One model. `files` are names in Site.files, shared between models where the bytes are equal:
 * network, text (encoder), decoder, tokenizer, check (one stored call of the network, with its
 * answer, by which WebGPU is judged). `grids` maps an output of the network to its grid divided into
 * the latents' sides ("16x16" → 1: a position per latent), `layers` to the names of its layers.
 * `alphas_cumprod` is ᾱ of every training timestep (empty for rectified flow); `preview_map`
 * [channels + 1][3] is the linear map from latents (and 1) to RGB in [−1, 1]; `fits` says of every
 * sampler why it cannot sample this model (null if it can); `lengths` are those of texts, in tokens,
 * that the network reads, the shortest first. `encoder` is the file of the autoencoder's other half,
 * which only a picture that is read needs, at the levels `reading`. `closer` is the U-Net's graph that
 * edits and works out: its file lacks the weights, which are those of the network's file from byte
 * `weights`; `order` has its layers as they are computed. `rounded` is the network's file with weights of
 * 8 bits.
 * @typedef {{
 *   name: string, label: string, sentence: string, side: number, largest: number,
 *   multiple: number, channels: number, factor: number, kind: "unet" | "joint",
 *   guidance: { name: string, label: string, sentence: string, branches: boolean },
 *   defaults: Partial<Recipe>, prediction: string,
 *   scheduler_config: Record<string, any>, alphas_cumprod: number[], preview_map: number[][],
 *   parameters: number, network: Record<string, any>, aggregation: Aggregation,
 *   fits: Record<string, string | null>, lengths: number[], heads: number,
 *   grids: Record<string, number>, layers: Record<string, string[]>,
 *   files: { network: string, text: string, decoder: string, tokenizer: string, check: string },
 *   encoder: string, rounded: string, reading: Level[],
 *   closer: { file: string, weights: number, order: string[] } | null
 * }} Model
 */

/**
 * A field of the recipe, as recipe.py says it. `low` and `high` bound a number or a text's length.
 * @typedef {{
 *   name: string, kind: "str" | "int" | "float", default: string | number, label: string,
 *   help: string, low: number, high: number, step: number | null
 * }} Field
 */

/**
 * @typedef {{
 *   name: string, label: string, order: number, sentence: string, source: string, calls: number,
 *   extra: number, stochastic: boolean, uses_eta: boolean, distilled: boolean
 * }} Sampler
 */

/** @typedef {{ name: string, label: string, sentence: string, source?: string }} Named */

/**
 * Everything that Python knows and the browser is told (site.json). `runtime` names files of
 * onnxruntime-web by build: `script` is its module, `glue` the module that starts the WebAssembly,
 * `wasm` the WebAssembly (gzip). `oracle` names its graph and its tables (world/asked.js: Words).
 * @typedef {{
 *   version: string, files: Record<string, FileEntry>,
 *   runtime: {
 *     version: string,
 *     wasm: { script: string, glue: string, wasm: string },
 *     webgpu: { script: string, glue: string, wasm: string } | null
 *   },
 *   models: Model[], oracle: { graph: string, words: string },
 *   recipe: { version: number, former: Record<string, Partial<Recipe>>, fields: Field[],
 *             own: string[], png_key: string, grid_key: string, query_key: string },
 *   samplers: Sampler[], spacings: (Named & { only: number | null })[], guiders: (Named & { clean: boolean })[],
 *   schedules: Named[], vocabulary: string[], words: { pattern: string, functions: string[] },
 *   glossary: { name: string, sentence: string }[]
 * }} Site
 */

// ---- messages between page and worker -----------------------------------------------------------

/**
 * How the worker computes. `provider`: "wasm", or "webgpu" where its self-check passes (else wasm,
 * and `Opened.refused` says why); `threads` only where the page is cross-origin isolated; `weights` of
 * networks: as they are published, or rounded to 8 bits.
 * @typedef {{ provider: "wasm" | "webgpu", threads: number, weights?: "half" | "int8" }} Options
 */

/**
 * Said while files arrive and sessions are made: bytes of `total` here so far; `what` is "runtime",
 * "model" or "preparing" (then `total` counts sessions).
 * @typedef {{ what: string, done: number, total: number }} Progress
 */

/** @typedef {Options & { model: string, refused: string | null }} Opened */

/**
 * Asked with a number `id` that the answers carry. `site` is the address of site.json; `served` says
 * whether a service worker answers for what the browser keeps (page/sw.js).
 * @typedef {{ id: number } & (
 *   { ask: "start", site: string, options: Options, likely?: string, served: boolean } |
 *   { ask: "open", model: string } |
 *   { ask: "submit", tasks: Task[], record: boolean, heads: boolean, section: string, edit: Edit | null } |
 *   { ask: "cancel", run: number } |
 *   { ask: "drop", section: string, recipe: Recipe } |
 *   { ask: "describe", model: string, prompt: string } |
 *   { ask: "price", tasks: Task[] } |
 *   { ask: "noise", model: string, seed: number, height: number, width: number } |
 *   { ask: "levels", model: string, sampler: string, steps: number } |
 *   { ask: "decode", model: string, latents: NdArray } |
 *   { ask: "encode", model: string, image: NdArray<any> } |
 *   { ask: "plan", recipe: Recipe, edit: Edit } |
 *   { ask: "workOut", model: string, prompt: string, latents: NdArray, t: number, x: number, y: number, w: number } |
 *   { ask: "judge", recipe: Recipe, image: NdArray<Uint8ClampedArray> } |
 *   { ask: "unjudgeable", recipe: Recipe } |
 *   { ask: "measure", recipe: Recipe, images: NdArray<Uint8ClampedArray>[] } |
 *   { ask: "seconds", model: string } |
 *   { ask: "time", model: string }
 * )} Ask
 */

/**
 * One `answer` or `error` ends every question but a run's ("submit"), which has `event`s and ends
 * with `end`; "start" and "open" may have `progress` before.
 * @typedef {{ id: number } & (
 *   { say: "answer", value: any } | { say: "error", reason: string } |
 *   { say: "event", event: Event } | { say: "end" } | { say: "progress", progress: Progress }
 * )} Say
 */

export const STAGES = ["words", "network", "solver", "decoder"];
