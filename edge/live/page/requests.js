// What is asked of the run: a POST each.

import { say } from "./dom.js";
import { page } from "./state.js";

export async function post(path, body) {
  const headers = { "Content-Type": "application/json", "X-Edge-Tag": "1" };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) }).catch(() => null);
  if (!answer) throw new Error("nobody answers");
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error([told.error ?? `error ${answer.status}`, ...(told.also ?? [])].join("\n") + (told.fix ? `\n${told.fix}` : ""));
  return told;
}

export async function attempt(button, does) {
  button.disabled = true;
  try {
    await does();
  } catch (error) {
    say(error.message, true);
  } finally {
    button.disabled = false;
  }
}

export async function capture() {
  const told = await post("/capture", { camera: page.camera, frozen: page.frozen });
  say(told.kept ? `Kept: ${told.pictures} ${told.pictures === 1 ? "picture" : "pictures"} in ${told.folder}` : "Not kept: it looks like the last one that was.");
}

export async function reload() {
  const told = await post("/reload", {});
  if (!told.reloaded) return say(`Not reloaded, everything stays as it was:\n${told.wrong.join("\n")}`, true);
  say(told.late.length ? `Reloaded. Needs a restart to count: ${told.late.join(", ")}` : "Reloaded.");
}
