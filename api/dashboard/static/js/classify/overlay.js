/** Asks the service where the network found its evidence in an image. */

import { request } from "../http/requests.js";

/** Returns the heat map over the image. Not an <img>: the page's security policy allows no data: URL there. */
export async function overlayOf(file, model) {
  const body = new FormData();
  body.append("files", file, file.name);
  const { predictions: [prediction] } = await request("POST", `predict?model=${encodeURIComponent(model)}&explain=true`, { body });
  return overlayImage(prediction.explanation);
}

/** Decodes the heat map of an explanation. */
export function overlayImage({ overlay }) {
  const [, encoded] = overlay.split(",");
  const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
  return createImageBitmap(new Blob([bytes], { type: "image/png" }));
}
