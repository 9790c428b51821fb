/** Flame graphs: stacks with weights, root on top, siblings by name; static SVG, text, and a model to click through. */
import type { Figure } from "./figure.ts";
import { group, percent, sentence } from "./numbers.ts";
import { type FrameKind, oddOpacity, oneTone } from "./palette.ts";
import { escapeMarkup, hatch, length, svgDocument } from "./svg-element.ts";
import { displayWidth, ellipsis, padStart, printable } from "./text.ts";

export interface StackFrame {
	readonly name: string;
	/** Default "user". */
	readonly kind?: FrameKind;
}

export interface WeightedStack {
	/** Root first: process, thread, outermost function … innermost. A missing stack: a frame "[no stack: reason]". */
	readonly frames: readonly StackFrame[];
	/** ≥ 0, in the unit of the graph. */
	readonly weight: number;
	/** How many waits or samples; default 1, or the weight for samples. */
	readonly count?: number;
}

export interface FlameGraphInput {
	readonly stacks: readonly WeightedStack[];
	/** Of the weights: "ns", or the plural of what is counted, such as "samples" or "cycles". */
	readonly unit: string;
	/** What the counts are, where they are not the weights themselves; default "times". */
	readonly counted?: string;
	readonly title: string;
	readonly subtitle: string;
	readonly alt: string;
	/** Pixels of the static picture; default 1012. */
	readonly width?: number;
}

/** What the interactive module is given: the frames of the tree in preorder, children by name. */
export interface FlameGraphModel {
	/** As in the input. */
	readonly unit: string;
	readonly counted: string;
	readonly total: number;
	readonly frames: readonly FlameFrame[];
}

export interface FlameFrame {
	/** Printable: control characters are escaped. */
	readonly name: string;
	/** "merged": a box for frames that are too small to be drawn one by one. */
	readonly kind: FrameKind | "merged";
	/** 0 = root row. */
	readonly depth: number;
	/** Where it begins, in the unit of the weight. */
	readonly start: number;
	readonly weight: number;
	readonly count: number;
	/** Index of the parent in `frames`; -1 in the root row. */
	readonly parent: number;
}

interface Node {
	readonly name: string;
	readonly kind: FrameKind;
	readonly children: Map<string, Node>;
	weight: number;
	count: number;
}

/** Frames kept in the model; the boxes that stand for the others come on top, together below 5000. */
const MODEL_FRAMES = 2000;
const SVG_FRAMES = 1200;
const ROW = 20;
const GAP = 1;
/** A label is drawn from this width on. */
const LABEL_FROM = 30;
/** Width of a character of 11.5 px monospace, rounded up. */
const MONO_CHARACTER = 7;

/**
 * @throws RangeError if there is no weight at all (show a notice instead), or a weight is negative or not finite
 */
export function flameGraph(input: FlameGraphInput): Figure {
	const { unit, counted = "times", title, subtitle, alt, width = 1012 } = input;
	const roots = tree(input.stacks, unit);
	const total = sum(roots, "weight");
	if (total === 0) throw new RangeError("flameGraph: no weight; show a notice instead of an empty graph");
	const model: FlameGraphModel = { unit, counted, total, frames: layout(roots, MODEL_FRAMES, 0) };
	return {
		title,
		subtitle,
		alt,
		svg: async () =>
			draw({ unit, counted, total, frames: layout(roots, SVG_FRAMES, (0.5 / width) * total) }, alt, width),
		text: (columns) => indented(model, columns),
		interactive: { module: "flamegraph", model },
	};
}

function tree(stacks: readonly WeightedStack[], unit: FlameGraphInput["unit"]): Map<string, Node> {
	const roots = new Map<string, Node>();
	for (const { frames, weight, count = unit === "samples" ? weight : 1 } of stacks) {
		if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY))
			throw new RangeError(`flameGraph: weight ${weight} is not a number ≥ 0`);
		if (weight === 0) continue;
		let level = roots;
		// A stack without frames is not left out: the sum must stay.
		for (const { name, kind = "user" } of frames.length > 0 ? frames : noStack) {
			const key = `${kind} ${name}`;
			let node = level.get(key);
			if (!node) {
				node = { name, kind, children: new Map(), weight: 0, count: 0 };
				level.set(key, node);
			}
			node.weight += weight;
			node.count += count;
			level = node.children;
		}
	}
	return roots;
}

const noStack: readonly StackFrame[] = [{ name: "[no stack: none was recorded]" }];

/** A frame that says that something was not seen is hatched. */
const isUnseen = (name: string): boolean => name.startsWith("[no stack") || name.startsWith("[unknown");

function sum(level: ReadonlyMap<string, Node>, what: "weight" | "count"): number {
	let total = 0;
	for (const node of level.values()) total += node[what];
	return total;
}

/** By code units: the same order on every machine, and in two graphs that are compared. */
const byName = (a: Node, b: Node): number =>
	a.name < b.name ? -1 : a.name > b.name ? 1 : a.kind < b.kind ? -1 : a.kind > b.kind ? 1 : 0;

/** The `keep` heaviest frames of at least `least`; per parent one box "…" for the others, so that sums stay. */
function layout(roots: ReadonlyMap<string, Node>, keep: number, least: number): FlameFrame[] {
	const kept = heaviest(roots, keep, least);
	const frames: FlameFrame[] = [];
	const place = (level: ReadonlyMap<string, Node>, depth: number, start: number, parent: number): void => {
		let at = start;
		const rest = { frames: 0, weight: 0, count: 0 };
		for (const node of [...level.values()].sort(byName)) {
			if (!kept.has(node)) {
				rest.frames++;
				rest.weight += node.weight;
				rest.count += node.count;
				continue;
			}
			const index = frames.length;
			frames.push({
				name: printable(node.name),
				kind: node.kind,
				depth,
				start: at,
				weight: node.weight,
				count: node.count,
				parent,
			});
			place(node.children, depth + 1, at, index);
			at += node.weight;
		}
		if (rest.frames > 0 && rest.weight >= least)
			frames.push({
				name: `… (${group(rest.frames)} ${rest.frames === 1 ? "frame" : "frames"} too small to draw)`,
				kind: "merged",
				depth,
				start: at,
				weight: rest.weight,
				count: rest.count,
				parent,
			});
	};
	place(roots, 0, 0, -1);
	return frames;
}

/** Parents are never lighter than their children and come first among equals, so the set is closed towards the root. */
function heaviest(roots: ReadonlyMap<string, Node>, keep: number, least: number): ReadonlySet<Node> {
	const all: Node[] = [];
	const visit = (level: ReadonlyMap<string, Node>): void => {
		for (const node of [...level.values()].sort(byName)) {
			if (node.weight < least) continue;
			all.push(node);
			visit(node.children);
		}
	};
	visit(roots);
	return new Set(
		all
			.map((node, order) => ({ node, order }))
			.sort((a, b) => b.node.weight - a.node.weight || a.order - b.order)
			.slice(0, keep)
			.map((entry) => entry.node),
	);
}

/** Exact value, share and count of a frame, for tooltips. */
function valueText(frame: FlameFrame, { unit, counted, total }: FlameGraphModel): string {
	const weight = unit === "ns" ? sentence(frame.weight, "ns") : `${group(frame.weight)} ${unit}`;
	const count = unit === "samples" ? "" : `, ${group(frame.count)} ${counted}`;
	return `${weight}, ${percent(frame.weight, total)}${count}`;
}

function draw(model: FlameGraphModel, alt: string, width: number): string {
	const { total, frames } = model;
	const depth = frames.reduce((deepest, f) => Math.max(deepest, f.depth), 0) + 1;
	const scale = width / total;
	let body = "";
	const siblings = childrenOf(frames);
	for (const [i, frame] of frames.entries()) {
		const x = frame.start * scale;
		const w = Math.max(0.1, frame.weight * scale - (frame.weight * scale > 3 ? GAP : 0));
		const y = frame.depth * ROW;
		const h = ROW - GAP;
		body += `<g><title>${escapeMarkup(`${frame.name}: ${valueText(frame, model)}`)}</title>`;
		body += frameShape(frame, x, y, w, h);
		const label = w >= LABEL_FROM ? labelOf(i, frames, siblings, Math.floor((w - 8) / MONO_CHARACTER)) : "";
		if (label !== "")
			body += `<text class="mono ${labelColour(frame)}" x="${length(x + 4)}" y="${y + 14}">${escapeMarkup(label)}</text>`;
		body += "</g>";
	}
	// Two tones by depth: rows are told apart without a colour that means nothing.
	return svgDocument({
		width,
		height: depth * ROW,
		alt,
		body,
		css: `.pki-figure .odd{fill-opacity:${oddOpacity}}`,
	});
}

/** Indices of the children by index of the parent (-1: the root row), in the order of their names. */
function childrenOf(frames: readonly FlameFrame[]): ReadonlyMap<number, readonly number[]> {
	const children = new Map<number, number[]>();
	frames.forEach((frame, i) => {
		const list = children.get(frame.parent);
		if (list) list.push(i);
		else children.set(frame.parent, [i]);
	});
	return children;
}

const isAddress = (name: string): boolean => /^0x[0-9a-f]+$/.test(name);

/** Cut at the end; an address, and a name that begins like its neighbour, keep the tail: the beginning tells nothing. */
function labelOf(
	i: number,
	frames: readonly FlameFrame[],
	siblings: ReadonlyMap<number, readonly number[]>,
	room: number,
): string {
	const { name, parent } = frames[i]!;
	const row = siblings.get(parent)!;
	const at = row.indexOf(i);
	const start = name.slice(0, Math.max(1, room - 1));
	const alike =
		isAddress(name) ||
		[row[at - 1], row[at + 1]].some((k) => k !== undefined && frames[k]!.name.startsWith(start));
	return ellipsis(name, room, alike ? "tail" : "head");
}

function labelColour(frame: FlameFrame): string {
	if (frame.kind === "lock") return "f-on-lock";
	return frame.kind === "merged" || isUnseen(frame.name) ? "f-text2" : "f-frame-ink";
}

function frameShape(frame: FlameFrame, x: number, y: number, w: number, h: number): string {
	const box = `x="${length(x)}" y="${length(y)}" width="${length(w)}" height="${length(h)}"`;
	if (frame.kind === "merged") return `<rect class="f-grid" ${box}/>`;
	if (isUnseen(frame.name)) return `<rect class="f-card" ${box}/>${w >= 3 ? hatch(x, y, w, h) : ""}`;
	const odd = frame.depth % 2 === 1 && !oneTone.includes(frame.kind) ? " odd" : "";
	const rect = `<rect class="f-frame-${frame.kind}${odd}" ${box} rx="1"/>`;
	// A module is kernel code from elsewhere: the kernel's colour with a hatched edge.
	return frame.kind === "module" && w >= 6 ? `${rect}${edge(x, y, h)}` : rect;
}

function edge(x: number, y: number, h: number): string {
	let d = "";
	for (let at = 3; at <= h; at += 4)
		d += `M${length(x)} ${length(y + at)}L${length(x + 3)} ${length(y + at - 3)}`;
	return `<path class="s-frame-ink" fill="none" d="${d}"/>`;
}

/** Frames in less than this share are not in the text: it is for reading. */
const TEXT_SHARE = 0.005;

/** A tree, heaviest first; the value, the share of the whole, the name. */
function indented(model: FlameGraphModel, width: number): string {
	const { frames, total, unit } = model;
	const children = childrenOf(frames);
	const rows: { readonly value: string; readonly share: string; readonly name: string }[] = [];
	let hidden = 0;
	const visit = (parent: number, indent: number): void => {
		const level = [...(children.get(parent) ?? [])].sort(
			(a, b) => frames[b]!.weight - frames[a]!.weight || a - b,
		);
		for (const i of level) {
			const frame = frames[i]!;
			if (frame.weight < total * TEXT_SHARE) {
				hidden++;
				continue;
			}
			rows.push({
				value: unit === "ns" ? sentence(frame.weight, "ns") : group(frame.weight),
				share: percent(frame.weight, total),
				name: `${" ".repeat(Math.min(indent, Math.max(0, width - 50)))}${frame.name}`,
			});
			// A chain of only children reads better without a step for each.
			visit(i, indent + 1);
		}
	};
	visit(-1, 0);
	const valueWidth = Math.max(...rows.map((r) => displayWidth(r.value)));
	const shareWidth = Math.max(...rows.map((r) => displayWidth(r.share)));
	const lines = rows.map((r) =>
		ellipsis(`${padStart(r.value, valueWidth)}  ${padStart(r.share, shareWidth)}  ${r.name}`, width),
	);
	if (hidden > 0)
		lines.push(ellipsis(`${group(hidden)} branches below ${percent(TEXT_SHARE * 100)} are not shown`, width));
	return lines.join("\n");
}
