// Drawing: one description of a picture, drawn on a canvas, or written as SVG for a file.

import { number } from "./dom.js";

export function palette(element = document.documentElement) {
  const style = getComputedStyle(element);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    card: of("card"), ink: of("ink"), muted: of("muted"), line: of("line"), faint: of("faint"), good: of("good"), bad: of("bad-ink"),
    series: ["first", "second", "third", "fourth"].map(of),
  };
}

export const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';

export class CanvasSurface {
  constructor(canvas, width, height, ratio = devicePixelRatio || 1) {
    this.width = width;
    this.height = height;
    this.ratio = ratio;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    this.context = canvas.getContext("2d", { willReadFrequently: true }); // points are written as pixels
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.clearRect(0, 0, width, height);
    this.context.font = FONT;
  }

  rect(x, y, width, height, color, opacity = 1) {
    this.context.globalAlpha = opacity;
    this.context.fillStyle = color;
    this.context.fillRect(x, y, width, height);
    this.context.globalAlpha = 1;
  }

  path(points, color, { width = 1, opacity = 1, fill = false, dash = [] } = {}) {
    const context = this.context;
    context.globalAlpha = opacity;
    context.beginPath();
    let isUp = true;
    for (let i = 0; i < points.length; i += 2) {
      if (Number.isNaN(points[i + 1])) { isUp = true; continue; }
      if (isUp) context.moveTo(points[i], points[i + 1]);
      else context.lineTo(points[i], points[i + 1]);
      isUp = false;
    }
    if (fill) { context.fillStyle = color; context.fill(); }
    else { context.setLineDash(dash); context.lineWidth = width; context.strokeStyle = color; context.stroke(); context.setLineDash([]); }
    context.globalAlpha = 1;
  }

  circle(x, y, radius, color, { stroke = false, opacity = 1 } = {}) {
    this.context.globalAlpha = opacity;
    this.context.beginPath();
    this.context.arc(x, y, radius, 0, 7);
    if (stroke) { this.context.lineWidth = 2; this.context.strokeStyle = color; this.context.stroke(); }
    else { this.context.fillStyle = color; this.context.fill(); }
    this.context.globalAlpha = 1;
  }

  text(text, x, y, color, { align = "left", weight = "normal", turn = 0 } = {}) {
    const context = this.context;
    context.fillStyle = color;
    context.textAlign = align;
    context.font = weight === "normal" ? FONT : `600 ${FONT}`;
    if (turn) {
      context.save();
      context.translate(x, y);
      context.rotate(turn);
      context.fillText(text, 0, 0);
      context.restore();
    } else context.fillText(text, x, y);
    context.font = FONT;
  }
}

const escaped = (text) => String(text).replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]);
const round = (value) => Math.round(value * 10) / 10;

export class SvgSurface {
  constructor(width, height, background) {
    this.width = width;
    this.height = height;
    this.parts = [`<rect width="${width}" height="${height}" fill="${background}"/>`];
  }

  rect(x, y, width, height, color, opacity = 1) {
    this.parts.push(`<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" fill="${color}" fill-opacity="${opacity}"/>`);
  }

  path(points, color, { width = 1, opacity = 1, fill = false, dash = [] } = {}) {
    const steps = [];
    let sign = "M";
    for (let i = 0; i < points.length; i += 2) {
      if (Number.isNaN(points[i + 1])) { sign = "M"; continue; }
      steps.push(`${sign}${round(points[i])} ${round(points[i + 1])}`);
      sign = "L";
    }
    const how = fill ? `fill="${color}" fill-opacity="${opacity}"` : `fill="none" stroke="${color}" stroke-width="${width}" stroke-opacity="${opacity}"${dash.length ? ` stroke-dasharray="${dash}"` : ""}`;
    this.parts.push(`<path d="${steps.join("")}" ${how}/>`);
  }

  circle(x, y, radius, color, { stroke = false, opacity = 1 } = {}) {
    const how = stroke ? `fill="none" stroke="${color}" stroke-width="2"` : `fill="${color}"`;
    this.parts.push(`<circle cx="${round(x)}" cy="${round(y)}" r="${radius}" ${how} opacity="${opacity}"/>`);
  }

  text(text, x, y, color, { align = "left", weight = "normal", turn = 0 } = {}) {
    const anchor = { left: "start", center: "middle", right: "end" }[align];
    const turned = turn ? ` transform="rotate(${turn * 180 / Math.PI} ${round(x)} ${round(y)})"` : "";
    this.parts.push(`<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" font-weight="${weight}" fill="${color}"${turned}>${escaped(text)}</text>`);
  }

  toString() {
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${this.width}" height="${this.height}" viewBox="0 0 ${this.width} ${this.height}" font-family="Helvetica, Arial, sans-serif" font-size="11">${this.parts.join("")}</svg>`;
  }
}

// several pictures below each other in one
export class Shifted {
  constructor(surface, dx, dy) { Object.assign(this, { surface, dx, dy }); }
  rect(x, y, ...rest) { this.surface.rect(x + this.dx, y + this.dy, ...rest); }
  path(points, ...rest) { this.surface.path(points.map((value, i) => value + (i % 2 ? this.dy : this.dx)), ...rest); }
  circle(x, y, ...rest) { this.surface.circle(x + this.dx, y + this.dy, ...rest); }
  text(text, x, y, ...rest) { this.surface.text(text, x + this.dx, y + this.dy, ...rest); }
}

export class Scale {
  constructor([low, high], [from, to], isLog = false) {
    const room = isLog ? 0 : 0.03 * (high - low) || 0.5;
    this.low = isLog ? low / 1.06 : low - room;
    this.high = isLog ? high * 1.06 : high + room;
    this.from = from;
    this.to = to;
    this.isLog = isLog;
    this.base = isLog ? Math.log(this.low) : this.low;
    this.span = (isLog ? Math.log(this.high) : this.high) - this.base;
  }

  at(value) { return this.from + ((this.isLog ? Math.log(value) : value) - this.base) / this.span * (this.to - this.from); }

  back(pixel) {
    const value = this.base + (pixel - this.from) / (this.to - this.from) * this.span;
    return Math.min(this.high, Math.max(this.low, this.isLog ? Math.exp(value) : value));
  }

  // isWhole: of values such as epochs, between which there are none
  ticks(most, isWhole = false) {
    if (this.isLog) {
      const found = [];
      const base = this.high / this.low < 3000 && this.low >= 0.1 && this.high < 1e5 ? 2 : 10;
      for (let power = Math.ceil(Math.log(this.low) / Math.log(base) - 1e-9); base ** power <= this.high; power++) found.push(base ** power);
      const step = Math.ceil(found.length / most);
      return found.filter((_, i) => i % step === 0);
    }
    const rough = Math.max(isWhole ? 1 : 0, (this.high - this.low) / most);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
    const found = [];
    for (let value = Math.ceil(this.low / step) * step; value <= this.high + step * 1e-9; value += step) found.push(Number(value.toPrecision(12)));
    return found;
  }
}

export function axes(surface, box, x, y, colors, { xTitle = "", yTitle = "", yFormat = number, xFormat = number, words = [], dense = false, isWhole = false } = {}) {
  const bottom = box.top + box.height;
  const xTicks = words.length ? words.map((_, i) => i) : x.ticks(Math.max(2, Math.floor(box.width / (dense ? 46 : 70))), isWhole);
  for (const tick of y.ticks(dense ? 3 : 5)) {
    surface.rect(box.left, y.at(tick), box.width, 0.6, colors.line);
    surface.text(yFormat(tick), box.left - 5, y.at(tick) + 4, colors.muted, { align: "right" });
  }
  surface.rect(box.left, bottom, box.width, 1, colors.faint);
  for (const tick of xTicks) {
    surface.rect(x.at(tick) - 0.5, bottom, 1, 4, colors.faint);
    surface.text(words.length ? words[tick] : xFormat(tick), x.at(tick), bottom + 15, colors.muted, { align: "center" });
  }
  if (xTitle) surface.text(xTitle, box.left + box.width / 2, bottom + 29, colors.ink, { align: "center" });
  if (yTitle) surface.text(yTitle, 11, box.top + box.height / 2, colors.ink, { align: "center", turn: -Math.PI / 2 });
}

// text that fits: its end is kept (of paths), or its beginning
const LETTER = 6; // pixels, about
export const shortened = (text, room) => (text.length * LETTER > room ? `…${text.slice(1 - Math.floor(room / LETTER))}` : text);
export const clipped = (text, room) => (text.length * LETTER > room ? `${text.slice(0, Math.max(0, Math.floor(room / LETTER) - 1))}…` : text);

// "#rrggbb" -> the number that a pixel of ImageData is
export function pixel(color, card, opacity) {
  const parts = (text) => [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16));
  const [a, b] = [parts(color), parts(card)];
  const [r, g, blue] = a.map((value, i) => Math.round(value * opacity + b[i] * (1 - opacity)));
  return (255 << 24 | blue << 16 | g << 8 | r) >>> 0;
}
