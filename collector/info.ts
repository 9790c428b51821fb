/** `powerki info`: what a trace, or each trace of a dataset, holds. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { catalog } from "../lib/schema/catalog.ts";
import { exitCode, PowerkiError } from "../lib/schema/errors.ts";
import { cpuSample } from "../lib/schema/events.ts";
import type { TraceInfo } from "../lib/schema/info.ts";
import { TRACES_DIRECTORY } from "../lib/schema/layout.ts";
import type { Manifest } from "../lib/schema/manifest.ts";
import { openInput } from "./open-input.ts";
import { readSideFiles } from "./side/index.ts";
import { readManifests } from "./write/publish.ts";

export async function inspect(path: string): Promise<TraceInfo[]> {
	if (existsSync(path) && statSync(path).isDirectory() && existsSync(join(path, TRACES_DIRECTORY))) {
		const manifests = await readManifests(path);
		if (manifests.length === 0)
			throw new PowerkiError(exitCode.unreadable, `${path}: a dataset without traces`, [
				"fill it: powerki collect TRACE --out DATASET",
			]);
		return manifests.map(fromManifest);
	}
	const { format, files } = openInput(path);
	const side = await readSideFiles(path, []);
	return format.inspect(files, side.timebaseHz);
}

function fromManifest(m: Manifest): TraceInfo {
	const counts = Object.entries(m.eventCounts);
	const happened = new Set(counts.map(([name]) => name));
	return {
		format: m.format.name,
		formatVersion: m.format.version,
		recorder: "",
		buffer: m.buffer,
		source: m.sources.map((s) => s.name).join(", "),
		bytes: m.sources.reduce((sum, s) => sum + s.bytes, 0),
		sha256: m.sources[0]?.sha256 ?? "",
		host: m.host,
		arch: m.machine.arch,
		kernel: m.machine.kernel,
		littleEndian: m.machine.littleEndian,
		longBytes: m.machine.longBytes,
		pageBytes: m.machine.pageBytes,
		compression: null,
		cpus: m.machine.cpus,
		cpusWithRecords: m.cpus.filter((c) => c.events > 0).map((c) => c.cpu),
		clock: m.clock.name,
		clockUnit: m.clock.unit,
		wallOffset: m.clock.wallOffset,
		start: m.window?.start ?? null,
		end: m.window?.end ?? null,
		events: Object.fromEntries(counts.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))),
		silent:
			m.recorded?.filter(
				(name) => !happened.has(name) && catalog.get(name)?.kind !== "derived" && name !== cpuSample.name,
			) ?? [],
		lost: m.lost,
		damage: m.damage.map((d) => d.text),
		unknownEvents: m.unknownEvents,
		notes: [
			`dataset: trace ${m.trace}, ${Object.keys(m.tables).length} tables, ${Object.values(m.tables).reduce((s, t) => s + t.bytes, 0)} bytes of Parquet`,
		],
	};
}
