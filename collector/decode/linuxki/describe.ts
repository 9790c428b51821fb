/** What is said of a recording by `powerki collect` and `powerki info` alike. */
import { basename } from "node:path";
import { cpuSample } from "../../../lib/schema/events.ts";
import type { Note } from "../source.ts";
import type { ChunkRecords } from "./chunks.ts";
import { HARDCLOCK, type VersionLayout } from "./record-layouts.ts";
import { eventsOfMask } from "./shapes.ts";
import type { Startup } from "./startup.ts";

const hardclock = "hardclock";

/** undefined where the id is not known. */
export function eventName({ records }: VersionLayout, id: number): string | undefined {
	return id === HARDCLOCK ? hardclock : Object.hasOwn(records, id) ? records[id]!.event : undefined;
}

export function unknownName(id: number): string {
	return id === -1 ? "more ids" : `id ${id}`;
}

/** Events that were switched on, sorted; null where no startup record tells. */
export function recordedOf(
	startup: Startup | null,
	happened: Readonly<Record<string, number>>,
): string[] | null {
	if (startup?.mask == null) return null;
	const names = new Set([...eventsOfMask(startup.mask), ...Object.keys(happened)]);
	// the table that its samples go to
	if (names.has(hardclock)) names.add(cpuSample.name);
	return [...names].sort();
}

export function isDamaged(files: readonly ChunkRecords[]): boolean {
	return files.some((f) => f.damage.length > 0 || f.truncated !== null);
}

export function damageNotes(files: readonly ChunkRecords[]): Note[] {
	return files.flatMap((f): Note[] => {
		const common = { severity: "error", source: basename(f.path), cpu: f.cpuOfName } as const;
		return [
			...f.damage.map(({ reason, offset, count }) => ({
				...common,
				kind: "chunk-damaged",
				offset,
				count,
				text: `${common.source}: ${reason}; the rest of its chunk is lost`,
			})),
			...(f.truncated === null
				? []
				: [
						{
							...common,
							kind: "truncated",
							offset: f.truncated,
							text: `${common.source} is cut off at byte ${f.truncated}, within a chunk: what followed is lost`,
						},
					]),
		];
	});
}
