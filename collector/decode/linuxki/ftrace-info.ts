/** What `powerki info` tells of a recording of LinuxKI's ftrace mode. */
import { basename } from "node:path";
import type { TraceInfo } from "../../../lib/schema/info.ts";
import { fileHash } from "../../file-hash.ts";
import { openFiles } from "./ftrace-files.ts";
import { limitsOf, openFtrace } from "./ftrace-open.ts";
import { machineOf } from "./machine.ts";
import type { Recording } from "./recording.ts";

/** What `powerki info` tells: a walk over the records between the markers, without decoding them. */
export async function inspectFtrace(recording: Recording): Promise<TraceInfo> {
	const { files, close } = openFiles(recording);
	try {
		const machine = machineOf(recording);
		const opening = openFtrace(recording, files, machine);
		let step = opening.next();
		while (!step.done) step = opening.next();
		const { found, formats, notes, memory, streams, records, base, cut, recorded } = step.value;
		const { first, last } = limitsOf(found, base);
		const counts = new Uint32Array(65_536);
		const withRecords: number[] = [];
		let gaps = cut.size;
		let start = Number.POSITIVE_INFINITY;
		let end = Number.NEGATIVE_INFINITY;
		for (const r of records) {
			let seen = false;
			while (r.advance()) {
				const lost = r.lost !== -1;
				r.lost = -1;
				if (r.ts < first || r.ts > last) continue;
				seen = true;
				if (lost) gaps++;
				if (r.ts < start) start = r.ts;
				if (r.ts > end) end = r.ts;
				counts[memory.u16[r.p >> 1]!]!++;
			}
			if (seen) withRecords.push(r.cpu);
		}
		const names = new Map(formats.all.map((f) => [f.id, f.name]));
		const events = new Map<string, number>();
		const unknown: Record<string, number> = {};
		for (const [id, count] of counts.entries()) {
			const name = names.get(id);
			if (count > 0 && name !== undefined) events.set(name, (events.get(name) ?? 0) + count);
			else if (count > 0) unknown[`type ${id}`] = count;
		}
		const badPages = records.reduce((sum, r) => sum + r.badPages, 0);
		return {
			format: "linuxki",
			formatVersion: "0",
			recorder: "LinuxKI",
			buffer: recording.buffer,
			source: files.map((f) => basename(f.path)).join(", "),
			bytes: files.reduce((sum, f) => sum + f.bytes.size, 0),
			sha256: files.map((f) => fileHash(f.path)).join(", "),
			host: machine.host,
			arch: machine.arch,
			kernel: machine.kernel,
			littleEndian: true,
			longBytes: 8,
			pageBytes: machine.pageBytes,
			compression: null,
			cpus: files.length,
			cpusWithRecords: withRecords,
			clock: "local",
			clockUnit: "ns",
			wallOffset: null,
			start: withRecords.length > 0 ? base + BigInt(start) : null,
			end: withRecords.length > 0 ? base + BigInt(end) : null,
			events: Object.fromEntries([...events].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))),
			silent: recorded.filter((name) => !events.has(name)),
			lost: { events: null, gaps },
			damage: [
				...notes.filter((n) => n.severity === "error").map((n) => n.text),
				...streams.flatMap((s) => (s.damage ? [s.damage.text] : [])),
				...(badPages > 0 ? [`${badPages} pieces make no sense`] : []),
			],
			unknownEvents: unknown,
			notes: notes.filter((n) => n.severity !== "error").map((n) => n.text),
		};
	} finally {
		close();
	}
}
