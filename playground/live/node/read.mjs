// What the oracle of a folder reads in pictures: node read.mjs FOLDER < {images: [RGBA in base64, …],
// prompt}. It measures them, too, by a prompt that is not null.
import { given, service, started } from "./service.mjs";

await started;
const oracle = await service.loadOracle(), { side } = oracle.words, { images, prompt } = given(), scenes = [];
const pictures = images.map((image) => ({ shape: [side, side, 4], data: Buffer.from(image, "base64") }));
for (const picture of pictures) scenes.push(await oracle.read(picture));
const measures = prompt === null ? null : await oracle.measure(prompt, pictures);
process.stdout.write(JSON.stringify({ scenes, measures }));
