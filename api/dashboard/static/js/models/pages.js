/** The models of the service, read page by page, newest first. */

import { get } from "../http/requests.js";

const PAGE_SIZE = 100;

export function modelPages() {
  const pages = {
    models: [],
    hasMore: true,
    async readNext() {
      const last = pages.models.at(-1);
      const page = await get(`models?limit=${PAGE_SIZE}${last ? `&after=${encodeURIComponent(last.id)}` : ""}`);
      pages.models.push(...page.data);
      pages.hasMore = page.has_more;
    },
  };
  return pages;
}
