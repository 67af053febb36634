// How states and numbers are told to people.

export const SAID = { new: "came", update: "changed", end: "went" };
export const STATES = {
  live: "live", file: "playing", waiting: "waiting", connecting: "connecting", stale: "no new frames",
  lost: "camera lost", broken: "cannot be read", off: "off by schedule", away: "connection lost, trying again",
  frozen: "frozen", starting: "the run begins",
};

export const percent = (share) => `${Math.round(share * 100)} %`;
export const ms = (value) => (value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`);
export const ago = (s) => (s == null ? "-" : s < 1 ? "now" : s < 90 ? `${s.toFixed(s < 10 ? 1 : 0)} s ago` : `${Math.round(s / 60)} min ago`);
export const bytes = (n) => (n == null ? "?" : n < 2 ** 30 ? `${Math.round(n / 2 ** 20)} MB` : `${(n / 2 ** 30).toFixed(1)} GB`);
export const said = (tag) => `${tag.tag} ${percent(tag.score)}`;
