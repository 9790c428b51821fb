/**
 * The flame graph that answers to clicks: source text of one ES module for the browser, without dependency, the same
 * in a notebook and in a published file. It is text and not a function made to text: a bundler would rename and
 * rewrite it. All names reach the page by textContent.
 */
import { fonts, frames, oddOpacity, oneTone, tones } from "./palette.ts";

const used: readonly string[] = [
	...Object.keys(frames).map((kind) => `frame-${kind}`),
	"frame-ink",
	"on-lock",
	"grid",
	"text",
	"text2",
	"card",
];

const rules = (theme: "light" | "dark"): string => {
	const value = (name: string): string => `var(--pki-${name},${tones[name]![theme]})`;
	return [
		...used.map((name) => `.pki-flame .f-${name}{fill:${value(name)}}`),
		`.pki-flame .s-hatch{stroke:${value("hatch")};fill:none}`,
		`.pki-flame .s-frame-ink{stroke:${value("frame-ink")};fill:none}`,
		`.pki-flame .found rect{fill:${value("mark")}}`,
		`.pki-flame .found text{fill:${value("card")}}`,
		`.pki-flame .current rect{stroke:${value("text")};stroke-width:2}`,
		`.pki-flame svg:focus-visible{outline:2px solid ${value("link")}}`,
		`.pki-flame{color:${value("text")}}`,
		`.pki-flame .line{color:${value("text2")}}`,
	].join("");
};

const css = [
	`.pki-flame{font:13px/1.5 ${fonts.sans};font-variant-numeric:tabular-nums}`,
	".pki-flame .bar{display:flex;flex-wrap:wrap;gap:8px;align-items:center;margin:0 0 6px}",
	".pki-flame input,.pki-flame button{font:inherit;min-height:24px}",
	".pki-flame .line{min-height:1.5em;margin:4px 0 0;overflow-wrap:anywhere}",
	".pki-flame svg{display:block}",
	`.pki-flame svg text{font:11.5px ${fonts.mono};pointer-events:none}`,
	".pki-flame g.frame{cursor:pointer}",
	`.pki-flame .odd{fill-opacity:${oddOpacity}}`,
	".pki-flame .above{opacity:.55}",
	rules("light"),
	`@media screen and (prefers-color-scheme:dark){${rules("dark")}}`,
].join("");

/** Source of an ES module with `export function render({ model, el })`; model is a FlameGraphModel. */
export function flameGraphModule(): string {
	return `const css = ${JSON.stringify(css).replaceAll("<", "\\u003c")};\nconst oneTone = ${JSON.stringify(oneTone)};\n${source}`;
}

const source = String.raw`
const SVG = "http://www.w3.org/2000/svg";
const ROW = 20, GAP = 1, LABEL_FROM = 30, CHARACTER = 7, DRAW_FROM = 0.5;
const NNBSP = "\u202f";

function group(n) {
	return String(n).replace(/^\d{5,}$/, (digits) => digits.replace(/\B(?=(\d{3})+$)/g, NNBSP));
}
function percent(part, whole) {
	const p = whole === 0 ? 0 : (100 * part) / whole;
	const text = p === 0 ? "0" : p === 100 ? "100" : p < 0.1 ? "<0.1" : p >= 99.95 && p < 100 ? ">99.9" : p.toFixed(1);
	return text + NNBSP + "%";
}
function time(ns) {
	const rounded = Number(ns.toPrecision(3));
	for (const [name, size] of [["s", 1e9], ["ms", 1e6], ["µs", 1e3]])
		if (rounded >= size) {
			const value = ns / size;
			if (value >= 1000) return group(Math.round(value)) + NNBSP + name;
			return value.toFixed(Math.max(0, 2 - Math.floor(Math.log10(rounded / size)))) + NNBSP + name;
		}
	return Math.round(ns) + NNBSP + "ns";
}
function element(name, parent, attributes, text) {
	const made = document.createElement(name);
	for (const key in attributes) made.setAttribute(key, attributes[key]);
	if (text !== undefined) made.textContent = text;
	parent.appendChild(made);
	return made;
}
function shape(name, parent, attributes, text) {
	const made = document.createElementNS(SVG, name);
	for (const key in attributes) made.setAttribute(key, attributes[key]);
	if (text !== undefined) made.textContent = text;
	parent.appendChild(made);
	return made;
}
function unseen(frame) {
	return frame.name.startsWith("[no stack") || frame.name.startsWith("[unknown");
}
function hatchPath(x, y, w, h) {
	let d = "";
	for (let sum = 3; sum < w + h; sum += 6) {
		const left = Math.max(0, sum - h), right = Math.min(w, sum);
		d += "M" + (x + left) + " " + (y + sum - left) + "L" + (x + right) + " " + (y + sum - right);
	}
	return d;
}
function edgePath(x, y, h) {
	let d = "";
	for (let at = 3; at <= h; at += 4) d += "M" + x + " " + (y + at) + "L" + (x + 3) + " " + (y + at - 3);
	return d;
}

export function render({ model, el }) {
	const { frames, total, unit, counted } = model;
	const children = frames.map(() => []);
	const roots = [];
	frames.forEach((frame, i) => (frame.parent < 0 ? roots : children[frame.parent]).push(i));
	let top = -1; // the frame that fills the width; -1: the whole graph
	let current = -1;
	let found = "";
	const history = [];

	el.replaceChildren();
	const box = element("div", el, { class: "pki-flame" });
	element("style", box, {}, css);
	const bar = element("div", box, { class: "bar" });
	const search = element("input", bar, { type: "search", placeholder: "Search functions", "aria-label": "Search functions" });
	const whole = element("button", bar, { type: "button" }, "Whole graph");
	const matched = element("span", bar, { role: "status" });
	const svg = shape("svg", box, {
		tabindex: "0",
		role: "group",
		"aria-label": "Flame graph. Arrow keys move between frames, Enter enlarges, Escape returns.",
	});
	const line = element("p", box, { class: "line", "aria-live": "polite" });

	const value = (frame) =>
		(unit === "ns" ? time(frame.weight) : group(frame.weight) + " " + unit) +
		", " + percent(frame.weight, total) + (unit === "samples" ? "" : ", " + group(frame.count) + " " + counted);
	const contains = (a, b) => {
		for (let at = b; at >= 0; at = frames[at].parent) if (at === a) return true;
		return a < 0;
	};
	const shown = () => (top < 0 ? { start: 0, weight: total } : frames[top]);
	const visible = (i) => top < 0 || contains(top, i) || contains(i, top);
	const matches = (frame) => found !== "" && frame.kind !== "merged" && frame.name.toLowerCase().includes(found);

	function place(i, width) {
		const frame = frames[i], view = shown(), scale = width / view.weight;
		const above = top >= 0 && i !== top && contains(i, top);
		const x = above ? 0 : (frame.start - view.start) * scale;
		const w = above ? width : frame.weight * scale;
		const round = (n) => Math.round(n * 100) / 100;
		return { x: round(x), y: frame.depth * ROW, w: round(w > 3 ? w - GAP : w), h: ROW - GAP, above };
	}

	// Cut at the end; an address, and a name that begins like its neighbour, keep the tail: the beginning tells nothing.
	function labelOf(i, room) {
		const characters = [...frames[i].name];
		if (characters.length <= room) return frames[i].name;
		const row = frames[i].parent < 0 ? roots : children[frames[i].parent];
		const at = row.indexOf(i);
		const start = characters.slice(0, Math.max(1, room - 1)).join("");
		const alike = /^0x[0-9a-f]+$/.test(frames[i].name) || [row[at - 1], row[at + 1]].some((k) => k !== undefined && frames[k].name.startsWith(start));
		return alike ? "…" + (room > 1 ? characters.slice(1 - room).join("") : "") : (room > 1 ? start : "") + "…";
	}

	function draw() {
		const width = Math.max(320, el.clientWidth || 1012);
		svg.replaceChildren();
		let deepest = 0;
		frames.forEach((frame, i) => {
			if (!visible(i)) return;
			const { x, y, w, h, above } = place(i, width);
			if (w < DRAW_FROM) return;
			deepest = Math.max(deepest, frame.depth);
			const g = shape("g", svg, { class: "frame" + (above ? " above" : "") + (matches(frame) ? " found" : "") + (i === current ? " current" : "") });
			g.dataset.frame = String(i);
			shape("title", g, {}, frame.name + ": " + value(frame));
			const hatched = unseen(frame);
			const fill = frame.kind === "merged" ? "f-grid" : hatched ? "f-card" : "f-frame-" + frame.kind + (frame.depth % 2 && !oneTone.includes(frame.kind) ? " odd" : "");
			shape("rect", g, { class: fill, x, y, width: w, height: h });
			if (hatched && w >= 3) shape("path", g, { class: "s-hatch", d: hatchPath(x, y, w, h) });
			if (frame.kind === "module" && w >= 6) shape("path", g, { class: "s-frame-ink", d: edgePath(x, y, h) });
			const room = Math.floor((w - 8) / CHARACTER);
			if (w < LABEL_FROM || room < 1) return;
			const label = labelOf(i, room);
			const ink = frame.kind === "lock" ? "f-on-lock" : frame.kind === "merged" || hatched ? "f-text2" : "f-frame-ink";
			shape("text", g, { class: ink, x: x + 4, y: y + 14 }, label);
		});
		const height = (deepest + 1) * ROW;
		svg.setAttribute("width", width);
		svg.setAttribute("height", height);
		svg.setAttribute("viewBox", "0 0 " + width + " " + height);
		whole.disabled = top < 0;
		tell();
	}

	function tell() {
		// Nested matches are counted once: what lies below a match is already in it.
		let weight = 0;
		if (found !== "") {
			const add = (i) => {
				if (matches(frames[i])) weight += frames[i].weight;
				else for (const child of children[i]) add(child);
			};
			for (const i of top < 0 ? roots : [top]) add(i);
		}
		const what = unit === "ns" ? "time" : unit;
		matched.textContent = found === "" ? "" : percent(weight, shown().weight) + " of the " + what + " shown";
		const frame = current < 0 ? null : frames[current];
		line.textContent = frame ? frame.name + ": " + value(frame) : "";
	}

	function enlarge(i) {
		if (i === top || (i >= 0 && frames[i].kind === "merged")) return;
		history.push(top);
		top = i;
		if (i >= 0) current = i;
		draw();
	}
	function move(to) {
		if (to === undefined || to < 0) return;
		current = to;
		draw();
	}
	function sideways(step) {
		const level = frames.map((_, i) => i).filter((i) => frames[i].depth === frames[current].depth && visible(i));
		level.sort((a, b) => frames[a].start - frames[b].start);
		move(level[level.indexOf(current) + step]);
	}
	const heaviest = (list) => list.reduce((best, i) => (best < 0 || frames[i].weight > frames[best].weight ? i : best), -1);
	const frameOf = (event) => {
		const g = event.target.closest ? event.target.closest("g.frame") : null;
		return g ? Number(g.dataset.frame) : -1;
	};

	svg.addEventListener("click", (event) => {
		const i = frameOf(event);
		if (i >= 0) enlarge(i);
	});
	svg.addEventListener("mousemove", (event) => {
		const i = frameOf(event);
		if (i >= 0) line.textContent = frames[i].name + ": " + value(frames[i]);
	});
	svg.addEventListener("mouseleave", tell);
	svg.addEventListener("keydown", (event) => {
		const keys = {
			ArrowDown: () => move(current < 0 ? heaviest(roots) : heaviest(children[current])),
			ArrowUp: () => move(current < 0 ? heaviest(roots) : frames[current].parent),
			ArrowLeft: () => (current < 0 ? move(heaviest(roots)) : sideways(-1)),
			ArrowRight: () => (current < 0 ? move(heaviest(roots)) : sideways(1)),
			Enter: () => { if (current >= 0) enlarge(current); },
			Escape: () => { if (history.length > 0) { top = history.pop(); draw(); } },
			Home: () => enlarge(-1),
		};
		const act = keys[event.key];
		if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
		// JupyterLab has its own meaning for these keys.
		event.preventDefault();
		event.stopPropagation();
		act();
	});
	search.addEventListener("input", () => {
		found = search.value.trim().toLowerCase();
		draw();
	});
	search.addEventListener("keydown", (event) => {
		event.stopPropagation();
		if (event.key === "Escape") { search.value = ""; found = ""; draw(); }
	});
	whole.addEventListener("click", () => { history.length = 0; top = -1; draw(); });
	if (typeof ResizeObserver === "function") {
		let width = el.clientWidth;
		new ResizeObserver(() => {
			if (el.clientWidth === width || el.clientWidth === 0) return;
			width = el.clientWidth;
			draw();
		}).observe(el);
	}
	draw();
}
`;
