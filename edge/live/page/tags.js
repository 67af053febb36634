// The tags of the newest frame, as a list.

import { $, made } from "./dom.js";
import { head } from "./overlay.js";
import { isWhole, page } from "./state.js";
import { percent } from "./words.js";

export function tags() {
  const told = page.frame;
  $("tags").replaceChildren(
    ...told.tags.slice(0, 60).map((tag) => {
      const about = [tag.head, tag.group, tag.state, `${tag.looks} ${tag.looks === 1 ? "look" : "looks"}`, isWhole(tag, told.size) ? "whole frame" : "", tag.colour, ...(tag.attributes ?? []).map((one) => one.tag), ...(tag.zones ?? [])];
      const length = tag.length_cm == null ? "" : ` ${tag.length_cm.toFixed(1)} ± ${tag.length_sd_cm.toFixed(1)} cm`;
      return made("li", { className: head(tag.head) },
        made("span", { className: "word", textContent: `${tag.tag}${length}` }),
        made("meter", { value: tag.score, max: 1, ariaLabel: "score" }),
        made("span", { className: "score", textContent: percent(tag.score) }),
        made("span", { className: "more", textContent: about.filter(Boolean).join(", ") }),
      );
    }),
  );
  if (!told.tags.length) $("tags").append(made("li", { className: "none", textContent: "none" }));
}
