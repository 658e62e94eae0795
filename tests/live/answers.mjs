// Asks the browser's modules in Node: a JSON list of questions comes in, the answers go out.
import { readFileSync } from "node:fs";
import { Exact } from "../../playground/live/js/engine/exact.js";
import { Generator } from "../../playground/live/js/engine/noise.js";
import { planned } from "../../playground/live/js/engine/editing.js";
import { Schedule } from "../../playground/live/js/engine/schedules.js";
import { GUIDERS, branches, rescale, scaleAt } from "../../playground/live/js/engine/guidance.js";
import { PREDICTIONS, converted } from "../../playground/live/js/engine/levels.js";
import { Reader, wordColumns } from "../../playground/live/js/engine/prompts.js";
import { Tokenizer } from "../../playground/live/js/engine/tokenizer.js";
import { Grammar } from "../../playground/live/js/world/asked.js";
import { verdict } from "../../playground/live/js/world/verdict.js";

const ASKED = {
  noise({ seed, counts }) {
    const generator = new Generator(seed);
    return counts.map((count) => [...generator.normal(count)]);
  },

  levels({ model, sampler, steps }) {
    const { levels, grid } = new Schedule(model, sampler, steps);
    return { levels: levels.map(({ signal, noise, t }) => [signal, noise, t]), end: [grid.end.signal, grid.end.noise] };
  },

  // The network says tanh of the latents, shifted by the level: as the test's own in Python.
  solve({ model, sampler, steps, eta, seed, count }) {
    const generator = new Generator(seed), schedule = new Schedule(model, sampler, steps);
    const solving = schedule.solve(generator.normal(count), { z: () => generator.normal(count), eta });
    const prediction = PREDICTIONS[model.prediction], seen = [];
    for (let asked = solving.next(), call = 0; ; call++) {
      if (asked.done) return { end: [...asked.value], calls: call, seen };
      const x = Float32Array.from(asked.value.x), at = schedule.levels[call];
      seen.push(Math.abs(asked.value.at.noise - at.noise));
      const said = x.map((v) => Math.tanh(v + at.noise));
      asked = solving.next({ clean: converted(prediction.clean, x, said, at), noise: converted(prediction.noise, x, said, at) });
    }
  },

  exact({ model, start }) {
    const exact = new Exact(model, 1), solving = exact.solve(Float32Array.from(start), { z: () => start });
    const prediction = PREDICTIONS[model.prediction];
    let asked = solving.next();
    for (let call = 0; !asked.done; call++) {
      const x = Float32Array.from(asked.value.x), at = exact.levels[call], said = x.map((v) => Math.tanh(v + at.noise));
      asked = solving.next({ clean: converted(prediction.clean, x, said, at), noise: converted(prediction.noise, x, said, at) });
    }
    return { end: [...asked.value], bound: exact.bound, levels: exact.levels.map(({ signal, noise, t }) => [signal, noise, t]), path: exact.path.length };
  },

  read({ tokenizer, words, lengths, texts }) {
    const reader = new Reader(new Tokenizer(tokenizer), words, lengths);
    return texts.map((text) => {
      try {
        const said = reader.read(text);
        return { ...said, weights: said.weights && [...said.weights], wordColumns: wordColumns(said) };
      } catch (error) {
        return { refused: error.message };
      }
    });
  },

  planned({ tokenizer, words, lengths, cases }) {
    const reader = new Reader(new Tokenizer(tokenizer), words, lengths);
    return cases.map(([prompt, edit]) => {
      try {
        const { recipe, plan, touched } = planned(reader, { prompt, guidance: 5 }, edit);
        return { prompt: recipe.prompt, sourceOf: plan.sourceOf, weights: [...plan.weights], share: plan.share, touched };
      } catch (error) {
        return { refused: error.message };
      }
    });
  },

  judged({ words, cases }) {
    const grammar = new Grammar(words);
    return cases.map(([prompt, scene]) => {
      const asked = grammar.read(prompt);
      return { asked, faults: [...grammar.faults(asked, scene)].sort(), verdict: verdict(grammar, prompt, scene) };
    });
  },

  guide({ guider, uncond, cond, scale, share }) {
    const guided = GUIDERS[guider].guide(Float32Array.from(uncond), Float32Array.from(cond), scale);
    return [...(share ? rescale(guided, Float32Array.from(cond), share) : guided)];
  },

  scales({ recipe, count, kind }) {
    const scales = Array.from({ length: count }, (_, i) => scaleAt(recipe, i, count));
    return { scales, branches: scales.map((scale) => branches(scale, kind)) };
  },
};

const questions = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(questions.map(({ ask, ...rest }) => ASKED[ask](rest))));
