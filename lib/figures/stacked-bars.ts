/** Stacked bars: where the time of each CPU, core or thread goes; every bar adds up to its window. */
import type { Figure } from "./figure.ts";
import { percent } from "./numbers.ts";
import { type CpuTimeName, cpuTimes, type onFill, type StateName, states } from "./palette.ts";
import { CHARACTER, escapeMarkup, hatch, length, svgDocument } from "./svg-element.ts";
import { displayWidth, ellipsis, padEnd, padStart, printable } from "./text.ts";

/** A class of the palette. "unknown" is the part of the window that was not observed, or not known. */
export type SegmentName = StateName | CpuTimeName;

export interface StackedBarSegment {
	readonly name: SegmentName;
	/** ns, ≥ 0. */
	readonly value: number;
}

export interface StackedBarRow {
	readonly label: string;
	/** In this order from the left. */
	readonly segments: readonly StackedBarSegment[];
	/** ns that the bar stands for; what the segments leave of it is drawn hatched, as not observed. */
	readonly total: number;
	/** Right of the bar, such as the busy share "42.6 %". */
	readonly note?: string;
}

export interface StackedBarsInput {
	readonly title: string;
	readonly subtitle: string;
	readonly alt: string;
	readonly rows: readonly StackedBarRow[];
	/** Other words for the legend: { lock: "lock 0x1012b200" }. */
	readonly labels?: Readonly<Partial<Record<SegmentName, string>>>;
	/** Head of the labels: "thread", "cpu". */
	readonly rowTitle?: string;
	/** Head of the notes: "busy". */
	readonly noteTitle?: string;
	/** Pixels of the static picture; default 1012. */
	readonly width?: number;
}

interface Style {
	readonly label: string;
	readonly glyph: string;
}
const styles: Readonly<Record<SegmentName, Style>> = { ...cpuTimes, ...states };
const isHatched = (name: SegmentName): boolean => name === "unknown";

/** Colour of the text on a fill; for the fills that are not here no text is written on them. */
const ink: Readonly<Partial<Record<SegmentName, keyof typeof onFill>>> = {
	running: "running",
	user: "running",
	runnable: "runnable",
	lock: "lock",
	timer: "timer",
	idle: "timer",
	system: "system",
};

/** Sums of ns as floats differ in the last digits. */
const TOLERANCE = 1e-6;

interface Bar extends StackedBarRow {
	/** Segments with a value, the rest of the window as "unknown" among them. */
	readonly all: readonly StackedBarSegment[];
}

/**
 * @throws RangeError without rows (show a notice instead), for a total that is not > 0, a negative value, or segments
 * that are more than their total
 */
export function stackedBars(input: StackedBarsInput): Figure {
	const { title, subtitle, alt, width = 1012 } = input;
	if (input.rows.length === 0) throw new RangeError("stackedBars: no rows; show a notice instead");
	const bars = input.rows.map(complete);
	const used = (Object.keys(styles) as SegmentName[]).filter((name) =>
		bars.some((bar) => bar.all.some((s) => s.name === name)),
	);
	const legend = used.map((name) => ({
		name,
		label: ellipsis(printable(input.labels?.[name] ?? styles[name].label), 40),
	}));
	return {
		title,
		subtitle,
		alt,
		svg: async () => draw(bars, legend, input, alt, width),
		text: (columns) => glyphs(bars, legend, input, columns),
	};
}

function complete(row: StackedBarRow): Bar {
	if (!(row.total > 0 && row.total < Number.POSITIVE_INFINITY))
		throw new RangeError(`stackedBars: total ${row.total} of "${row.label}" is not > 0`);
	const wrong = row.segments.find((s) => !(s.value >= 0));
	if (wrong) throw new RangeError(`stackedBars: ${wrong.name} of "${row.label}" is ${wrong.value}`);
	const rest = row.total - row.segments.reduce((sum, s) => sum + s.value, 0);
	if (rest < -row.total * TOLERANCE)
		throw new RangeError(`stackedBars: the segments of "${row.label}" are ${-rest} ns more than its window`);
	const all = row.segments.filter((s) => s.value > 0);
	if (rest > row.total * TOLERANCE) all.push({ name: "unknown", value: rest });
	return { ...row, all };
}

type Legend = readonly { readonly name: SegmentName; readonly label: string }[];

const ROW = 24;
const BAR = 17;
/** A percentage is written inside from this width on. */
const INSIDE_FROM = 38;

function draw(
	bars: readonly Bar[],
	legend: Legend,
	input: StackedBarsInput,
	alt: string,
	width: number,
): string {
	const rowTitle = ellipsis(printable(input.rowTitle ?? ""), 28);
	const noteTitle = ellipsis(printable(input.noteTitle ?? ""), 24);
	const labels = bars.map((b) => ellipsis(printable(b.label), 28));
	const left = Math.max(40, ...[...labels, rowTitle].map((l) => displayWidth(l) * CHARACTER)) + 10;
	const notes = bars.map((b) => ellipsis(printable(b.note ?? ""), 24));
	const right = Math.max(14, ...[...notes, noteTitle].map((n) => displayWidth(n) * CHARACTER + 12));
	const plot = Math.max(100, width - left - right);
	const top = drawLegend(legend, width);
	const axis = top.height + 18;
	const bottom = axis + 4 + bars.length * ROW;
	let body = top.body;
	for (const share of [0, 25, 50, 75, 100]) {
		const x = left + (share / 100) * plot;
		body += `<path class="s-grid" d="M${length(x)} ${axis}V${bottom}"/>`;
		body += `<text class="f-text3" x="${length(x)}" y="${axis - 5}" text-anchor="${share === 100 ? "end" : "middle"}">${share}${share === 100 ? "\u202f%" : ""}</text>`;
	}
	if (rowTitle)
		body += `<text class="f-text3" x="${length(left - 8)}" y="${axis - 5}" text-anchor="end">${escapeMarkup(rowTitle)}</text>`;
	if (noteTitle)
		body += `<text class="f-text3" x="${length(width)}" y="${axis - 5}" text-anchor="end">${escapeMarkup(noteTitle)}</text>`;
	bars.forEach((bar, i) => {
		const y = axis + 6 + i * ROW;
		body += `<text class="f-text" x="${length(left - 8)}" y="${y + 13}" text-anchor="end">${escapeMarkup(labels[i]!)}</text>`;
		let at = 0;
		for (const { name, value } of bar.all) {
			body += segment(
				name,
				left + (at / bar.total) * plot,
				y,
				(value / bar.total) * plot,
				percent(value, bar.total),
				`${printable(bar.label)}: ${legend.find((l) => l.name === name)!.label}`,
			);
			at += value;
		}
		if (notes[i] !== "")
			body += `<text class="f-text" x="${length(width)}" y="${y + 13}" text-anchor="end">${escapeMarkup(notes[i]!)}</text>`;
	});
	return svgDocument({ width, height: bottom + 4, alt, body });
}

function segment(
	name: SegmentName,
	x: number,
	y: number,
	width: number,
	share: string,
	what: string,
): string {
	const w = width > 3 ? width - 1 : width;
	const box = `x="${length(x)}" y="${y}" width="${length(w)}" height="${BAR}"`;
	const tooltip = `<title>${escapeMarkup(`${what} ${share}`)}</title>`;
	if (isHatched(name)) return `<g>${tooltip}<rect class="f-card" ${box}/>${hatch(x, y, w, BAR)}</g>`;
	const on = ink[name];
	const inside =
		on && w >= INSIDE_FROM
			? `<text class="f-on-${on}" x="${length(x + 5)}" y="${y + 13}">${escapeMarkup(share)}</text>`
			: "";
	return `<g>${tooltip}<rect class="f-${name}" ${box}/>${inside}</g>`;
}

function drawLegend(legend: Legend, width: number): { readonly body: string; readonly height: number } {
	let body = "";
	let x = 0;
	let y = 0;
	for (const { name, label } of legend) {
		const w = 18 + displayWidth(label) * CHARACTER + 14;
		if (x > 0 && x + w > width) {
			x = 0;
			y += 18;
		}
		body += isHatched(name)
			? hatch(x, y + 2, 12, 12, 4)
			: `<rect class="f-${name}" x="${length(x)}" y="${y + 2}" width="12" height="12"/>`;
		body += `<text class="f-text2" x="${length(x + 17)}" y="${y + 12}">${escapeMarkup(label)}</text>`;
		x += w;
	}
	return { body, height: y + 20 };
}

function glyphs(bars: readonly Bar[], legend: Legend, input: StackedBarsInput, columns: number): string {
	const labels = bars.map((b) => printable(b.label));
	const head = printable(input.rowTitle ?? "");
	const labelWidth = Math.min(24, Math.max(displayWidth(head), ...labels.map(displayWidth)));
	const notes = bars.map((b) => ellipsis(printable(b.note ?? ""), 24));
	const noteHead = ellipsis(printable(input.noteTitle ?? ""), 24);
	const noteWidth = Math.max(displayWidth(noteHead), ...notes.map(displayWidth));
	const room = Math.max(10, Math.min(50, columns - labelWidth - 3 - (noteWidth > 0 ? noteWidth + 2 : 0)));
	const scale = scaleLine(room);
	const line = (label: string, bar: string, note: string): string =>
		ellipsis(
			` ${padEnd(ellipsis(label, labelWidth), labelWidth)}  ${padEnd(bar, room)}${noteWidth > 0 ? `  ${padStart(note, noteWidth)}` : ""}`.trimEnd(),
			columns,
		);
	return [
		line(head, scale, noteHead),
		...legendLines(legend, columns - labelWidth - 3).map((l) =>
			ellipsis(`${" ".repeat(labelWidth + 3)}${l}`, columns),
		),
		...bars.map((bar, i) => line(labels[i]!, glyphBar(bar, room), notes[i]!)),
	].join("\n");
}

/** 0 to 100 above the bar; the quarters where there is room. */
function scaleLine(cells: number): string {
	const quarter = Math.floor(cells / 4);
	if (quarter < 4) return `${padEnd("0", cells - 3)}100`;
	return `${["0", "25", "50"].map((s) => padEnd(s, quarter)).join("")}${padEnd("75", cells - 3 * quarter - 3)}100`;
}

function legendLines(legend: Legend, columns: number): string[] {
	const lines: string[] = [];
	for (const { name, label } of legend) {
		const entry = `${styles[name].glyph} ${label}`;
		const last = lines.at(-1);
		if (last !== undefined && displayWidth(last) + 3 + displayWidth(entry) <= columns)
			lines[lines.length - 1] = `${last}   ${entry}`;
		else lines.push(entry);
	}
	return lines;
}

/** One glyph a cell; a segment ends where the sum so far ends, so that the bar is as long as its window. */
function glyphBar(bar: Bar, cells: number): string {
	let text = "";
	let sum = 0;
	let drawn = 0;
	for (const { name, value } of bar.all) {
		sum += value;
		const end = Math.round((sum / bar.total) * cells);
		text += styles[name].glyph.repeat(Math.max(0, end - drawn));
		drawn = Math.max(drawn, end);
	}
	return text;
}
