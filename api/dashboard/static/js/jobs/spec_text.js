/** What a job's spec says in words, also while the job waits for its dataset and most of its settings are open. */

import { datasetName } from "../datasets/names.js";

export function recipeAndDataset({ spec }) {
  return `${spec.recipe ? `${spec.recipe} ` : ""}on ${datasetName(spec.dataset)}`;
}
