import { describe, expect, it } from "vitest";
import {
	cpuTimes,
	type FrameKind,
	frameInk,
	frames,
	notebookThemeCss,
	oddOpacity,
	oneTone,
	onFill,
	pageThemeCss,
	severities,
	states,
	surfaces,
	type Tone,
	tones,
} from "./palette.ts";

type Rgb = readonly [number, number, number];
const themes = ["light", "dark"] as const;

/** sRGB to linear light (IEC 61966-2-1). */
function linear(hex: string): Rgb {
	const channel = (at: number): number => {
		const c = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
		return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
	};
	return [channel(1), channel(3), channel(5)];
}

const times = (m: readonly Rgb[], v: Rgb): Rgb =>
	m.map((row) => row[0] * v[0] + row[1] * v[1] + row[2] * v[2]) as unknown as Rgb;

/** Full dichromacy: Machado, Oliveira, Fernandes 2009, severity 1.0, applied to linear light. */
const sight: Readonly<Record<string, readonly Rgb[]>> = {
	normal: [
		[1, 0, 0],
		[0, 1, 0],
		[0, 0, 1],
	],
	protan: [
		[0.152286, 1.052583, -0.204868],
		[0.114503, 0.786281, 0.099216],
		[-0.003882, -0.048116, 1.051998],
	],
	deutan: [
		[0.367322, 0.860646, -0.227968],
		[0.280085, 0.672501, 0.047413],
		[-0.01182, 0.04294, 0.968881],
	],
	tritan: [
		[1.255528, -0.076749, -0.178779],
		[-0.078411, 0.930809, 0.147602],
		[0.004733, 0.691367, 0.3039],
	],
};

/** OKLab (Ottosson 2020) of linear sRGB. */
function oklab(rgb: Rgb): Rgb {
	const lms = times(
		[
			[0.4122214708, 0.5363325363, 0.0514459929],
			[0.2119034982, 0.6806995451, 0.1073969566],
			[0.0883024619, 0.2817188376, 0.6299787005],
		],
		rgb,
	).map(Math.cbrt) as unknown as Rgb;
	return times(
		[
			[0.2104542553, 0.793617785, -0.0040720468],
			[1.9779984951, -2.428592205, 0.4505937099],
			[0.0259040371, 0.7827717662, -0.808675766],
		],
		lms,
	);
}

const clip = (rgb: Rgb): Rgb => rgb.map((c) => Math.min(1, Math.max(0, c))) as unknown as Rgb;

function smallestDistance(all: readonly Tone[], theme: keyof Tone): number {
	let smallest = Number.POSITIVE_INFINITY;
	for (const matrix of Object.values(sight)) {
		const labs = all.map((tone) => oklab(clip(times(matrix, linear(tone[theme])))));
		for (let i = 0; i < labs.length; i++)
			for (let j = 0; j < i; j++)
				smallest = Math.min(smallest, 100 * Math.hypot(...labs[i]!.map((c, k) => c - labs[j]![k]!)));
	}
	return smallest;
}

function contrast(a: string, b: string): number {
	const luminance = (hex: string): number => {
		const [r, g, bl] = linear(hex);
		return 0.2126 * r + 0.7152 * g + 0.0722 * bl;
	};
	const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
	return (high! + 0.05) / (low! + 0.05);
}

/** What is seen of a colour that lets the ground through. */
function blend(over: string, ground: string, opacity: number): string {
	const mixed = [1, 3, 5].map((at) => {
		const [a, b] = [over, ground].map((c) => Number.parseInt(c.slice(at, at + 2), 16)) as [number, number];
		return Math.round(a * opacity + b * (1 - opacity))
			.toString(16)
			.padStart(2, "0");
	});
	return `#${mixed.join("")}`;
}

describe("palette", () => {
	it("keeps text readable on card and page", () => {
		for (const theme of themes)
			for (const name of ["text", "text2", "text3", "link", "critical", "warning", "note", "better"] as const)
				for (const ground of ["card", "page"] as const)
					expect(
						contrast(surfaces[name][theme], surfaces[ground][theme]),
						`${name} ${theme}`,
					).toBeGreaterThan(4.5);
		for (const severity of Object.values(severities))
			expect(Object.values(surfaces)).toContain(severity.tone);
	});

	it("keeps text readable on fills", () => {
		for (const theme of themes) {
			for (const [name, ink] of Object.entries(onFill))
				expect(contrast(ink[theme], tones[name]![theme]), `${name} ${theme}`).toBeGreaterThan(4.5);
			for (const [kind, tone] of Object.entries(frames)) {
				const ink = kind === "lock" ? onFill.lock : frameInk;
				expect(contrast(ink[theme], tone[theme]), `${kind} ${theme}`).toBeGreaterThan(4.5);
				if (oneTone.includes(kind as FrameKind)) continue;
				const odd = blend(tone[theme], surfaces.card[theme], oddOpacity);
				expect(contrast(ink[theme], odd), `${kind} ${theme}, every second row`).toBeGreaterThan(4.5);
			}
		}
	});

	it("keeps states and CPU times apart for colour-blind readers", () => {
		const coloured = Object.values(states).flatMap((s) => (s.tone ? [s.tone] : []));
		expect(coloured).toHaveLength(8);
		const cpu = Object.values(cpuTimes).map((c) => c.tone);
		expect(smallestDistance(coloured, "light")).toBeGreaterThan(9.8);
		expect(smallestDistance(coloured, "dark")).toBeGreaterThan(10.6);
		expect(smallestDistance(cpu, "light")).toBeGreaterThan(16.2);
		expect(smallestDistance(cpu, "dark")).toBeGreaterThan(13.1);
	});

	it("has a shape for each readiness: on CPU > could run > asleep > asleep on purpose", () => {
		const { running, runnable, lock, timer } = states;
		const heights = [running, runnable, lock, timer].map((s) => s.height);
		expect(heights).toEqual([...heights].sort((a, b) => b - a));
		expect(new Set([running, runnable, lock, timer].map((s) => s.glyph)).size).toBe(4);
		for (const s of Object.values(states)) expect(s.ascii).toMatch(/^[ -~]$/);
	});

	it("gives every colour to page and notebook", () => {
		for (const name of Object.keys(tones)) {
			expect(pageThemeCss()).toContain(`--pki-${name}:${tones[name]!.dark}`);
			expect(notebookThemeCss(".x")).toContain(`--pki-${name}:${tones[name]!.light}`);
		}
	});
});
