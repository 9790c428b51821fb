/** `powerki info` as text or JSON. */
import { group } from "../figures/numbers.ts";
import type { TraceInfo } from "../schema/info.ts";

const WIDTH = 100;
const LABEL = 9;

/** ns as seconds with all nine digits. */
function stamp(ns: bigint): string {
	const sign = ns < 0n ? "−" : "";
	const abs = ns < 0n ? -ns : ns;
	return `${sign}${abs / 1_000_000_000n}.${String(abs % 1_000_000_000n).padStart(9, "0")}`;
}

export function printInfo(infos: readonly TraceInfo[], json: boolean): string {
	if (json)
		return `${JSON.stringify(infos.length === 1 ? jsonOf(infos[0]!) : infos.map(jsonOf), (_, v) => (typeof v === "bigint" ? String(v) : v), 2)}\n`;
	return infos.map(textOf).join("\n");
}

function jsonOf(i: TraceInfo): unknown {
	return { ...i, window_ns: i.start === null || i.end === null ? null : i.end - i.start };
}

function textOf(i: TraceInfo): string {
	const row = (label: string, text: string): string => `${label.padEnd(LABEL)}${text}`;
	const lines = [
		row(
			"format",
			`${i.format} version ${i.formatVersion}${i.compression ? `, ${i.compression === "none" ? "not compressed" : i.compression}` : ""}${i.recorder ? `, recorded by ${i.recorder}` : ""}${i.buffer ? `, buffer ${i.buffer}` : ""}`,
		),
		row("size", `${group(i.bytes)} bytes, sha-256 ${i.sha256.slice(0, 16)}…`),
		row(
			"machine",
			`${i.host ?? "unknown host"}  ${i.arch ?? "unknown architecture"}, ${i.littleEndian ? "little" : "big"} endian, ${i.longBytes * 8}-bit longs${i.pageBytes === null ? "" : `, pages ${i.pageBytes / 1024}\u202fKiB`}`,
		),
		row("kernel", i.kernel ?? "unknown"),
		row(
			"cpus",
			`${i.cpus}${i.cpusWithRecords.length === i.cpus ? `, all with records` : `; with records: ${ranges(i.cpusWithRecords)}`}`,
		),
		row(
			"clock",
			`${i.clock}, ${i.clockUnit}; offset to wall time: ${i.wallOffset === null ? "unknown" : `${group(i.wallOffset)} ns`}`,
		),
		row(
			"window",
			i.start === null || i.end === null
				? "empty"
				: i.clockUnit === "ns"
					? `${stamp(i.start)} … ${stamp(i.end)} s  (${stamp(i.end - i.start).slice(0, -3)} s)`
					: `${i.start} … ${i.end} (${i.clockUnit})`,
		),
		row(
			"events",
			`${group(Object.values(i.events).reduce((a, b) => a + b, 0))} of ${Object.keys(i.events).length} kinds; lost ${lostEvents(i)}; damaged ${i.damage.length}; of unknown format ${group(Object.values(i.unknownEvents).reduce((a, b) => a + b, 0))}`,
		),
		...columns(Object.entries(i.events).map(([name, n]) => [name, group(n)])),
		...(i.silent.length > 0
			? wrap("on, none", `${i.silent.join(", ")}: switched on, no event happened`)
			: []),
		...i.damage.flatMap((d) => wrap("damage", d)),
		...i.notes.flatMap((n) => wrap("note", n)),
	];
	return `${lines.join("\n")}\n`;
}

/** 0-3,8 */
function ranges(cpus: readonly number[]): string {
	const parts: string[] = [];
	for (let k = 0; k < cpus.length; ) {
		let end = k;
		while (end + 1 < cpus.length && cpus[end + 1] === cpus[end]! + 1) end++;
		parts.push(end > k ? `${cpus[k]}-${cpus[end]}` : `${cpus[k]}`);
		k = end + 1;
	}
	return parts.join(",") || "none";
}

/** Names and counts in as many columns as fit. */
function columns(entries: readonly (readonly [string, string])[]): string[] {
	if (entries.length === 0) return [];
	const name = Math.max(...entries.map(([n]) => n.length));
	const count = Math.max(...entries.map(([, c]) => c.length));
	const each = name + 1 + count + 3;
	const across = Math.max(1, Math.floor((WIDTH - LABEL + 3) / each));
	const lines: string[] = [];
	for (let k = 0; k < entries.length; k += across)
		lines.push(
			" ".repeat(LABEL) +
				entries
					.slice(k, k + across)
					.map(([n, c]) => `${n.padEnd(name)} ${c.padStart(count)}`)
					.join("   "),
		);
	return lines;
}

function wrap(label: string, text: string): string[] {
	const lines: string[] = [];
	let line = label.padEnd(LABEL);
	for (const word of text.split(" ")) {
		if (line.length + word.length > WIDTH && line.trim() !== "") {
			lines.push(line.trimEnd());
			line = " ".repeat(LABEL);
		}
		line += `${word} `;
	}
	lines.push(line.trimEnd());
	return lines;
}

function lostEvents({ lost }: TraceInfo): string {
	if (lost.events !== null) return group(lost.events);
	return lost.gaps === 0 ? "unknown: the recording does not tell" : `unknown number in ${lost.gaps} gaps`;
}
