/**
 * The colours, bar heights and terminal glyphs of states and CPU time: one table, used by every figure, page and
 * terminal view. Shape before colour: a state is its height (readiness), the colour only adds the cause.
 */
export interface Tone {
	readonly light: string;
	readonly dark: string;
}

export type StateName =
	| "running"
	| "runnable"
	| "lock"
	| "disk"
	| "peer"
	| "memory"
	| "timer"
	| "other"
	| "unknown";

export interface StateStyle {
	/** Words for legends. */
	readonly label: string;
	/** null: hatched, never a colour. */
	readonly tone: Tone | null;
	/** Height of the bar in a timeline, share of the lane. */
	readonly height: number;
	readonly glyph: string;
	/** For a terminal that has no UTF-8. */
	readonly ascii: string;
	/** Marks the cause where several states share a glyph. */
	readonly letter: string;
}

export const states: Readonly<Record<StateName, StateStyle>> = {
	running: state("on CPU", "#1f66c1", "#3a86e6", 1, "▇", "#"),
	runnable: state("run queue", "#ffb207", "#ffb22b", 2 / 3, "▅", "="),
	lock: state("lock wait", "#d93508", "#fb632f", 2 / 5, "▃", "-", "L"),
	disk: state("disk wait", "#352081", "#c0b1fe", 2 / 5, "▃", "-", "D"),
	peer: state("peer wait", "#64b5ab", "#5ad5a6", 2 / 5, "▃", "-", "P"),
	memory: state("memory wait", "#613008", "#895617", 2 / 5, "▃", "-", "M"),
	timer: state("sleep on purpose", "#cbd6e1", "#414853", 1 / 6, "▁", "."),
	other: state("other sleep", "#7a808b", "#747b87", 2 / 5, "▃", "-", "?"),
	unknown: {
		label: "unknown or not observed",
		tone: null,
		height: 1,
		glyph: "╳",
		ascii: "x",
		letter: "",
	},
};

function state(
	label: string,
	light: string,
	dark: string,
	height: number,
	glyph: string,
	ascii: string,
	letter = "",
): StateStyle {
	return { label, tone: { light, dark }, height, glyph, ascii, letter };
}

export type CpuTimeName = "user" | "system" | "softirq" | "hardirq" | "hypervisor" | "idle";

export interface CpuTimeStyle {
	readonly label: string;
	readonly tone: Tone;
	readonly glyph: string;
	readonly ascii: string;
}

export const cpuTimes: Readonly<Record<CpuTimeName, CpuTimeStyle>> = {
	user: cpuTime("user", "#1f66c1", "#3a86e6", "▇", "#"),
	system: cpuTime("system", "#112457", "#afe1ff", "▅", "s"),
	softirq: cpuTime("softirq", "#f17eb8", "#9b4f75", "▃", "i"),
	hardirq: cpuTime("hardirq", "#a03960", "#e383a1", "▃", "h"),
	hypervisor: cpuTime("hypervisor", "#979022", "#e8cf23", "▁", "v"),
	idle: cpuTime("idle", "#e7ecef", "#292f33", "·", "."),
};

function cpuTime(label: string, light: string, dark: string, glyph: string, ascii: string): CpuTimeStyle {
	return { label, tone: { light, dark }, glyph, ascii };
}

/** Surfaces, text, severities. Every text colour has contrast ≥ 4.5 on card and page. */
export const surfaces = {
	page: { light: "#f5f6f8", dark: "#10151b" },
	card: { light: "#ffffff", dark: "#171e26" },
	text: { light: "#17212b", dark: "#e9eef4" },
	text2: { light: "#465362", dark: "#b9c4d0" },
	text3: { light: "#5b6876", dark: "#98a6b4" },
	link: { light: "#0a5aa8", dark: "#84bdff" },
	line: { light: "#dde2e8", dark: "#2d3742" },
	grid: { light: "#e8ecf0", dark: "#25303a" },
	hatch: { light: "#9aa5b1", dark: "#5d6a77" },
	critical: { light: "#b3261e", dark: "#ff9489" },
	warning: { light: "#8a5200", dark: "#f3b95f" },
	note: { light: "#2b5f8f", dark: "#8fc3f5" },
	better: { light: "#1f6b3a", dark: "#7fcf9b" },
} as const satisfies Readonly<Record<string, Tone>>;
export type SurfaceName = keyof typeof surfaces;

export type SeverityName = "critical" | "warning" | "note";
export const severities: Readonly<
	Record<SeverityName, { readonly tone: Tone; readonly glyph: string; readonly ascii: string }>
> = {
	critical: { tone: surfaces.critical, glyph: "▲", ascii: "!" },
	warning: { tone: surfaces.warning, glyph: "◆", ascii: "*" },
	note: { tone: surfaces.note, glyph: "●", ascii: "o" },
};

export type FrameKind = "process" | "thread" | "user" | "kernel" | "module" | "lock" | "waker";

/** Flame graph frames. The ink on all of them but the light lock is dark (frameInk). */
export const frames = {
	process: { light: "#cdd5de", dark: "#8794a2" },
	thread: { light: "#d9dfe6", dark: "#97a3b0" },
	user: { light: "#7fb7e6", dark: "#4f8fc4" },
	kernel: { light: "#f0a04b", dark: "#c77d2c" },
	module: { light: "#f0a04b", dark: "#c77d2c" },
	lock: { light: "#d93508", dark: "#fb632f" },
	waker: { light: "#c9b3ea", dark: "#8a6dc0" },
} as const satisfies Readonly<Record<FrameKind, Tone>>;
export const frameInk: Tone = { light: "#17212b", dark: "#0b0f14" };
/** Every second row of a flame graph lets the card through: two tones, without a colour that means nothing. */
export const oddOpacity = 0.88;
/** Kinds whose label has no contrast to give away for a second tone. */
export const oneTone: readonly FrameKind[] = ["lock", "waker"];
export const searchMark: Tone = { light: "#7a00c2", dark: "#d9a6ff" };

/** What is written on a fill: white or the dark ink, whichever has the larger contrast. */
export const onFill: Readonly<Record<"running" | "runnable" | "lock" | "timer" | "system", Tone>> = {
	running: { light: "#ffffff", dark: "#10151b" },
	runnable: { light: "#17212b", dark: "#10151b" },
	lock: { light: "#ffffff", dark: "#10151b" },
	timer: { light: "#17212b", dark: "#e9eef4" },
	system: { light: "#ffffff", dark: "#10151b" },
};

/** All colours by the name of their CSS variable without the prefix "--pki-". */
export const tones: Readonly<Record<string, Tone>> = Object.fromEntries([
	...Object.entries(states).flatMap(([name, s]) => (s.tone ? [[name, s.tone]] : [])),
	...Object.entries(cpuTimes).map(([name, s]) => [name, s.tone]),
	...Object.entries(surfaces),
	...Object.entries(frames).map(([name, tone]) => [`frame-${name}`, tone]),
	["frame-ink", frameInk],
	["mark", searchMark],
	...Object.entries(onFill).map(([name, tone]) => [`on-${name}`, tone]),
]);

const variables = (theme: keyof Tone): string =>
	Object.entries(tones)
		.map(([name, tone]) => `--pki-${name}:${tone[theme]}`)
		.join(";");

/**
 * CSS that gives the variables to a page: light, dark where the reader prefers it, and either by the attribute
 * `data-theme` of the root element (the button of a published page). Print is always light.
 */
export function pageThemeCss(): string {
	return [
		`:root{color-scheme:light;${variables("light")}}`,
		`@media screen and (prefers-color-scheme:dark){:root:not([data-theme=light]){color-scheme:dark;${variables("dark")}}}`,
		`@media screen{:root[data-theme=dark]{color-scheme:dark;${variables("dark")}}}`,
	].join("\n");
}

/** CSS for one output in JupyterLab: the variables below `selector`, by the theme that Lab has set on the body. */
export function notebookThemeCss(selector: string): string {
	return [
		`body[data-jp-theme-light="true"] ${selector}{${variables("light")}}`,
		`body[data-jp-theme-light="false"] ${selector}{${variables("dark")}}`,
	].join("\n");
}

/** Fonts of the reader's system: no file, no request. */
export const fonts = {
	sans: 'system-ui,"Segoe UI",Roboto,"Helvetica Neue","Noto Sans",sans-serif',
	mono: 'ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace',
} as const;
