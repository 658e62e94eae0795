// @ts-check
/**
 * A visitor's own pictures, prepared for the autoencoder (models/pictures.py).
 *
 * @import { NdArray } from "../engine/protocol.js"
 * @typedef {{ heaviest: number, largest: number }} Limits bytes of a file, pixels of a picture
 */
import { RecipeError } from "./recipe.js";

const UNREADABLE = "This file is not a readable PNG, JPEG or WebP picture.";
const BEGINNINGS = [/^\x89PNG\r\n\x1a\n/, /^\xff\xd8\xff/, /^RIFF[^]{4}WEBP/];

/** The middle square of a picture as RGBA [side, side, 4]; RecipeError for a file that holds none. @param {Blob} file @param {number} side @param {Limits} limits @returns {Promise<NdArray<Uint8ClampedArray>>} */
export async function opened(file, side, { heaviest, largest }) {
  const mega = (/** @type {number} */ number) => (number / 1e6).toFixed(0);
  if (file.size > heaviest) throw new RecipeError(`This file has ${mega(file.size)} MB; at most ${mega(heaviest)} are read.`);
  const begins = String.fromCharCode(...new Uint8Array(await file.slice(0, 12).arrayBuffer()));
  if (!BEGINNINGS.some((one) => one.test(begins))) throw new RecipeError(UNREADABLE);
  const picture = await createImageBitmap(file).catch(() => {
    throw new RecipeError(UNREADABLE);
  });
  const { width, height } = picture, square = Math.min(width, height);
  if (width * height > largest) throw new RecipeError(`This picture has too many pixels: at most ${mega(largest)} million are read.`);
  const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const brush = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  brush.fillStyle = "white"; // where it is transparent
  brush.fillRect(0, 0, side, side);
  brush.imageSmoothingQuality = "high";
  brush.drawImage(picture, (width - square) / 2, (height - square) / 2, square, square, 0, 0, side, side);
  picture.close();
  return { shape: [side, side, 4], data: brush.getImageData(0, 0, side, side).data };
}
