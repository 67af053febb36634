// What the page knows: one object, which its modules share.

export const page = {
  camera: "", cameras: [], stream: null, heardMs: 0, retryMs: 1000, timer: 0,
  points: [], frame: null, heads: [], health: null, listedMs: 0, url: "",
  frozen: null, box: null, drag: null, area: null,
};

export const sides = ([x0, y0, x1, y1]) => ({ x: x0, y: y0, width: Math.max(1, x1 - x0), height: Math.max(1, y1 - y0) });

export function isWhole(tag, size) {
  return tag.box[0] === 0 && tag.box[1] === 0 && tag.box[2] === size[0] && tag.box[3] === size[1];
}
