// The stored call of a model with weights of 8 bits: node rounded.mjs FOLDER OPTIONS < "MODEL".
import { difference } from "../../playground/live/js/engine/check.js";
import { ask, given, service, started } from "../../playground/live/node/service.mjs";

const model = given();
await started;
const { opened } = await ask({ ask: "open", model }), { network, reader, check } = await service.opened(model);
process.stdout.write(JSON.stringify({
  opened, off: await difference(network, reader, check), seconds: await ask({ ask: "time", model }),
  provider: service.drawing.networks.get(model).provider,
}));
