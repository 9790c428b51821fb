/** State timeline: a lane for each CPU or thread, by pixel column the state that has most of its time. */
import type { Figure } from "./figure.ts";
import { sentence, stamp } from "./numbers.ts";
import { type StateName, states } from "./palette.ts";
import { CHARACTER, escapeMarkup, hatch, length, svgDocument } from "./svg-element.ts";
import { displayWidth, ellipsis, padEnd, printable } from "./text.ts";

export interface TimelineInterval {
	/** ns since the start of the trace. */
	readonly start: number;
	/** ns, ≥ 0. */
	readonly dur: number;
	readonly state: StateName;
	/** Written into the block where it is wide enough: the thread on a CPU. */
	readonly label?: string;
}

export interface TimelineMark {
	/** ns since the start of the trace. */
	readonly at: number;
	readonly label: string;
}

export interface TimelineLane {
	readonly label: string;
	/** Not overlapping; time between them stays empty. What was not observed is an interval of state "unknown". */
	readonly intervals: readonly TimelineInterval[];
	/** Moments whose kind matters, drawn as ticks however short: a wake-up, an error, a completion. */
	readonly marks?: readonly TimelineMark[];
}

export interface TimelineInput {
	readonly title: string;
	readonly subtitle: string;
	readonly alt: string;
	readonly lanes: readonly TimelineLane[];
	/** The part that is drawn, ns since the start of the trace. */
	readonly from: number;
	readonly to: number;
	/** Other words for the legend: { lock: "lock 0x1012b200" }. */
	readonly labels?: Readonly<Partial<Record<StateName, string>>>;
	/** Pixels of the static picture; default 1012. */
	readonly width?: number;
}

/** A stretch of columns with one state. */
export interface StateRun {
	readonly first: number;
	/** Not included. */
	readonly end: number;
	readonly state: StateName;
	/** Label of the interval that has most of the time, if it is one for the whole stretch. */
	readonly label?: string;
}

const names = Object.keys(states) as StateName[];
const EMPTY = names.length;

/**
 * Columns of equal time; in each the state with the most time wins, empty time included; equal neighbours merge.
 * @param split keep stretches of different labels apart (threads on a CPU)
 */
export function stateRuns(
	intervals: readonly TimelineInterval[],
	from: number,
	to: number,
	columns: number,
	split = false,
): StateRun[] {
	const step = (to - from) / columns;
	const time = new Float64Array(columns * EMPTY);
	// The label with the longest piece in each column.
	const labels = new Array<string | undefined>(columns);
	const longest = new Float64Array(columns);
	for (const { start, dur, state, label } of intervals) {
		if (!(dur >= 0)) throw new RangeError(`timeline: duration ${dur} at ${start}`);
		const begin = Math.max(start, from);
		const end = Math.min(start + dur, to);
		if (end <= begin) continue;
		const index = names.indexOf(state);
		const last = Math.min(columns - 1, Math.floor((end - from) / step));
		for (let c = Math.max(0, Math.floor((begin - from) / step)); c <= last; c++) {
			const piece = Math.min(end, from + (c + 1) * step) - Math.max(begin, from + c * step);
			if (piece <= 0) continue;
			time[c * EMPTY + index]! += piece;
			if (piece > longest[c]!) {
				longest[c] = piece;
				labels[c] = label;
			}
		}
	}
	const runs: StateRun[] = [];
	for (let c = 0; c < columns; c++) {
		let best = EMPTY;
		let most = step;
		for (let s = 0; s < EMPTY; s++) most -= time[c * EMPTY + s]!;
		// Rounding of pieces must not leave a little empty time that wins against nothing.
		most = Math.max(most, 0);
		for (let s = 0; s < EMPTY; s++)
			if (time[c * EMPTY + s]! > most) {
				best = s;
				most = time[c * EMPTY + s]!;
			}
		if (best === EMPTY) continue;
		const state = names[best]!;
		const label = labels[c];
		const previous = runs.at(-1);
		if (previous && previous.end === c && previous.state === state && (!split || previous.label === label))
			runs[runs.length - 1] = {
				...previous,
				end: c + 1,
				...(previous.label === label ? {} : { label: undefined }),
			};
		else runs.push({ first: c, end: c + 1, state, ...(label === undefined ? {} : { label }) });
	}
	return runs;
}

const LANE = 24;
const BAR = 18;
/** A block is labelled from this width on. */
const LABEL_FROM = 19;
/** Rectangles in a picture; above it columns become wider. */
const MOST_RUNS = 4500;

/**
 * @throws RangeError without lanes or with an empty window (show a notice instead), or for a negative duration
 */
export function timeline(input: TimelineInput): Figure {
	const { title, subtitle, alt, lanes, from, to, width = 1012 } = input;
	if (lanes.length === 0) throw new RangeError("timeline: no lanes; show a notice instead");
	if (!(to > from)) throw new RangeError(`timeline: the window ${from} … ${to} is empty`);
	const used = names.filter((name) =>
		lanes.some((lane) =>
			lane.intervals.some((i) => i.state === name && i.start < to && i.start + i.dur > from),
		),
	);
	const legend = used.map((name) => ({
		name,
		label: ellipsis(printable(input.labels?.[name] ?? states[name].label), 40),
	}));
	return {
		title,
		subtitle,
		alt,
		svg: async () => draw(input, legend, width),
		text: (columns) => glyphs(input, legend, columns),
	};
}

type Legend = readonly { readonly name: StateName; readonly label: string }[];

/** Half a pixel a column, or as many pixels as keep the picture small. */
function runsOf(input: TimelineInput, plot: number): { readonly runs: StateRun[][]; readonly pixel: number } {
	for (let pixel = 0.5; ; pixel *= 2) {
		const columns = Math.max(1, Math.floor(plot / pixel));
		const runs = input.lanes.map((lane) =>
			stateRuns(
				lane.intervals,
				input.from,
				input.to,
				columns,
				lane.intervals.some((i) => i.label !== undefined),
			),
		);
		if (columns <= 100 || runs.reduce((sum, r) => sum + r.length, 0) <= MOST_RUNS)
			return { runs, pixel: plot / columns };
	}
}

function draw(input: TimelineInput, legend: Legend, width: number): string {
	const { lanes, from, to, alt } = input;
	const labels = lanes.map((l) => ellipsis(printable(l.label), 28));
	const left = Math.ceil(Math.max(40, ...labels.map((l) => displayWidth(l) * CHARACTER))) + 10;
	const plot = Math.max(100, width - left - 14);
	const { runs, pixel } = runsOf(input, plot);
	const x = (column: number): number => left + column * pixel;
	let body = "";
	let at = 0;
	let legendRow = 0;
	for (const { name, label } of legend) {
		const w = 18 + displayWidth(label) * CHARACTER + 14;
		if (at > 0 && at + w > width) {
			at = 0;
			legendRow++;
		}
		const y = legendRow * 18;
		body += block(name, at, y + 14, 12, 12);
		body += `<text class="f-text2" x="${length(at + 17)}" y="${y + 12}">${escapeMarkup(label)}</text>`;
		at += w;
	}
	const top = (legendRow + 1) * 18 + 8;
	lanes.forEach((lane, i) => {
		const base = top + i * LANE + BAR;
		body += `<text class="f-text" x="${left - 8}" y="${base - 4}" text-anchor="end">${escapeMarkup(labels[i]!)}</text>`;
		body += `<path class="s-line" d="M${left} ${base + 0.5}H${length(left + plot)}"/>`;
		for (const run of runs[i]!) {
			const w = (run.end - run.first) * pixel;
			body += block(run.state, x(run.first), base, w, BAR);
			if (run.label !== undefined && w >= LABEL_FROM && run.state === "running") {
				const text = ellipsis(printable(run.label), Math.floor((w - 4) / CHARACTER), "tail");
				if (text !== "" && text !== "…")
					body += `<text class="f-on-running" x="${length(x(run.first) + 3)}" y="${base - 5}">${escapeMarkup(text)}</text>`;
			}
		}
		for (const mark of lane.marks ?? []) {
			if (mark.at < from || mark.at > to) continue;
			const mx = length(left + ((mark.at - from) / (to - from)) * plot);
			body += `<path class="s-text" d="M${mx} ${base - BAR - 2}v5"><title>${escapeMarkup(`${printable(mark.label)}, ${stamp(mark.at, 6)}`)}</title></path>`;
		}
	});
	const axis = top + lanes.length * LANE;
	for (const tick of ticks(from, to)) {
		const tx = length(left + ((tick - from) / (to - from)) * plot);
		body += `<path class="s-text3" d="M${tx} ${axis}v4"/><text class="f-text3" x="${tx}" y="${axis + 16}" text-anchor="middle">${tickText(tick, from, to)}</text>`;
	}
	body += `<text class="f-text3" x="${length(left + plot)}" y="${axis + 32}" text-anchor="end">seconds since the start of the trace; ${pixel === 1 ? "one pixel" : `${length(pixel)} pixels`} = ${sentence(((to - from) / plot) * pixel, "ns")}</text>`;
	return svgDocument({ width, height: axis + 38, alt, body });
}

/** Bottom-aligned: the height says how ready, the colour only why. */
function block(state: StateName, x: number, base: number, width: number, full: number): string {
	const height = states[state].height * full;
	if (states[state].tone === null) return hatch(x, base - height, width, height, 5);
	return `<rect class="f-${state}" x="${length(x)}" y="${length(base - height)}" width="${length(width)}" height="${length(height)}"/>`;
}

const tickSize = (from: number, to: number): number => {
	const rough = (to - from) / 8;
	const decade = 10 ** Math.floor(Math.log10(rough));
	return Math.max(1, decade * ([1, 2, 5, 10].find((f) => f * decade >= rough) ?? 10));
};

function ticks(from: number, to: number): number[] {
	const size = tickSize(from, to);
	const found: number[] = [];
	for (let n = Math.ceil(from / size); n * size <= to; n++) found.push(n * size);
	return found;
}

const tickText = (tick: number, from: number, to: number): string =>
	stamp(tick, Math.min(9, Math.max(0, 9 - Math.floor(Math.log10(tickSize(from, to)))))).replace(
		/\u202f?s$/,
		"",
	);

function glyphs(input: TimelineInput, legend: Legend, columns: number): string {
	const { lanes, from, to } = input;
	const labels = lanes.map((l) => printable(l.label));
	const labelWidth = Math.min(24, Math.max(...labels.map(displayWidth)));
	const room = Math.max(10, columns - labelWidth - 3);
	const indent = " ".repeat(labelWidth + 3);
	const first = stamp(from);
	const last = stamp(to);
	const legendLines: string[] = [];
	for (const { name, label } of legend) {
		const entry = `${states[name].glyph} ${label}`;
		const line = legendLines.at(-1);
		if (line !== undefined && displayWidth(line) + 3 + displayWidth(entry) <= room)
			legendLines[legendLines.length - 1] = `${line}   ${entry}`;
		else legendLines.push(entry);
	}
	return [
		...legendLines.map((line) => `${indent}${line}`),
		...lanes.map((lane, i) => {
			const cells = new Array<string>(room).fill(" ");
			for (const run of stateRuns(lane.intervals, from, to, room))
				cells.fill(states[run.state].glyph, run.first, run.end);
			return ` ${padEnd(ellipsis(labels[i]!, labelWidth), labelWidth)}  ${cells.join("")}`.trimEnd();
		}),
		`${indent}${padEnd(first, Math.max(displayWidth(first) + 1, room - displayWidth(last)))}${last}`,
		`${indent}one column = ${sentence((to - from) / room, "ns")}`,
	]
		.map((line) => ellipsis(line, columns))
		.join("\n");
}
