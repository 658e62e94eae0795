// What the oracle of a folder reads in pictures: node read.mjs FOLDER < [RGBA in base64, …].
import { given, service, started } from "./service.mjs";

await started;
const oracle = await service.loadOracle(), { side } = oracle.words, scenes = [];
for (const picture of given()) scenes.push(await oracle.read({ shape: [side, side, 4], data: Buffer.from(picture, "base64") }));
process.stdout.write(JSON.stringify(scenes));
