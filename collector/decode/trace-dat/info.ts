/** What `powerki info` tells of a trace.dat: the header, and a walk over the records without decoding them. */
import { basename } from "node:path";
import type { TraceInfo } from "../../../lib/schema/info.ts";
import { fileHash } from "../../file-hash.ts";
import { prepareCompression } from "../compression.ts";
import { formatsOf } from "../tracepoint/tracing-data.ts";
import { clockScale } from "./clock.ts";
import { openBuffer, openTraceDat, parseUname, recordedEvents, stampNs, tracesOf } from "./open.ts";

/** One entry for each buffer with events. Bytes hashed and walked: some 200 MB/s. */
export async function inspectTraceDat(
	files: readonly string[],
	timebaseHz: number | undefined,
): Promise<TraceInfo[]> {
	const path = files[0]!;
	await prepareCompression();
	const { file, header, close } = openTraceDat(path);
	try {
		const sha256 = fileHash(path);
		const names = new Map<number, string>();
		const formats = formatsOf(header, () => {});
		for (const f of formats) names.set(f.id, f.name);
		const uname = parseUname(header.uname);
		return tracesOf(path, header).map((buffer): TraceInfo => {
			const { records, streams, memory } = openBuffer(file, header, buffer);
			const scale = clockScale(buffer.clock, timebaseHz);
			const counts = new Map<string, number>();
			const unknown = new Map<string, number>();
			const withRecords: number[] = [];
			let start: bigint | null = null;
			let end: bigint | null = null;
			let lostEvents = 0;
			let unknownGaps = 0;
			let gaps = 0;
			let badPages = 0;
			for (const r of records) {
				const base = r.prime();
				if (base === null) continue;
				r.setBase(base);
				let first = Number.NaN;
				while (r.advance()) {
					if (r.lost !== -1) {
						gaps++;
						if (Number.isNaN(r.lost)) unknownGaps++;
						else lostEvents += r.lost;
						r.lost = -1;
					}
					if (Number.isNaN(first)) first = r.ts;
					const id = memory.view.getUint16(r.p, memory.littleEndian);
					const name = names.get(id);
					if (name === undefined) unknown.set(`type ${id}`, (unknown.get(`type ${id}`) ?? 0) + 1);
					else counts.set(name, (counts.get(name) ?? 0) + 1);
				}
				badPages += r.badPages;
				if (Number.isNaN(first)) continue;
				withRecords.push(r.cpu);
				const [a, b] = [
					stampNs(base + BigInt(Math.floor(first)), scale, header),
					stampNs(base + BigInt(Math.floor(r.ts)), scale, header),
				];
				if (start === null || a < start) start = a;
				if (end === null || b > end) end = b;
			}
			const recorded = recordedEvents(formats, [...counts.keys()]);
			return {
				format: "trace.dat",
				formatVersion: String(header.version),
				recorder: header.recorder ? `trace-cmd ${header.recorder}` : "",
				buffer: buffer.name,
				source: basename(path),
				bytes: file.size,
				sha256,
				host: uname.host,
				arch: uname.arch,
				kernel: uname.kernel,
				littleEndian: header.littleEndian,
				longBytes: header.longBytes,
				pageBytes: buffer.pageBytes,
				compression: header.version >= 7 ? header.compression : null,
				cpus: header.cpuCount || buffer.cpus.length,
				cpusWithRecords: withRecords.sort((a, b) => a - b),
				clock: buffer.clock || "unknown",
				clockUnit: scale.unit,
				wallOffset: header.date !== null || buffer.clock === "tai" ? 0n : null,
				start,
				end,
				events: Object.fromEntries([...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))),
				silent: recorded === null ? [] : recorded.filter((name) => !counts.has(name)),
				lost: { events: unknownGaps > 0 ? null : lostEvents, gaps },
				damage: [
					...header.problems.filter((p) => p.severity === "error").map((p) => p.text),
					...streams.flatMap((s) => (s.damage ? [s.damage.text] : [])),
					...(badPages > 0 ? [`${badPages} pages make no sense`] : []),
				],
				unknownEvents: Object.fromEntries(unknown),
				notes:
					header.kallsyms.length < 100
						? [
								"kernel symbols: the kallsyms section is empty; give --side FILE with a symbol table to name kernel addresses",
							]
						: [],
			};
		});
	} finally {
		close();
	}
}
