import { isProcFiles, procHeading } from "./proc-files.ts";
import type { MappingFact, Moment } from "./side-files.ts";

const heading = procHeading("maps");
/** fs/proc/task_mmu.c, show_map_vma (v6.1): from-to, permissions, offset, device, inode, name. */
const mapsLine =
	/^([0-9a-f]{1,16})-([0-9a-f]{1,16}) ([r-][w-][x-][ps]) ([0-9a-f]{8,16}) [0-9a-f]+:[0-9a-f]+ \d+(?: +(.*))?$/;
const numaMapsLine = /^[0-9a-f]{1,16} \S+(?: \S+)*$/;
/** fs/proc/base.c, proc_pid_stack; before 4.14 with the address. */
const stackLine = /^\[<[0-9a-f]+>\] \S+(?: \[[^\]]+\])?$/;

/** /proc/PID/maps without its name: of some process, nobody knows which. */
export const isMaps = (lines: readonly string[]) =>
	lines.length > 0 && lines.every((l) => mapsLine.test(l.trimEnd()));

export const isProcMaps = (lines: readonly string[]) => isProcFiles(lines, heading, mapsLine);
export const isProcNumaMaps = (lines: readonly string[]) =>
	isProcFiles(lines, procHeading("numa_maps"), numaMapsLine);
/** Where each task stood when the file was written (CONFIG_STACKTRACE): not in the recording, so nothing is kept. */
export const isProcStacks = (lines: readonly string[]) => isProcFiles(lines, procHeading("stack"), stackLine);

/** seq_file_path writes a newline in a path as \012 (fs/seq_file.c, mangle_path). */
const unescaped = (path: string) => path.replaceAll("\\012", "\n");

/**
 * The executable mappings of a collection of /proc/PID/maps: those that perf records too. Names are as the kernel has them
 * there and in PERF_RECORD_MMAP2: " (deleted)" stays; memory without a name is perf's //anon (kernel/events/core.c,
 * perf_event_mmap_event).
 */
export function* readProcMaps(text: string, when: Moment): Iterable<MappingFact> {
	let tgid = Number.NaN;
	for (const line of text.split("\n")) {
		const name = heading.exec(line);
		if (name) {
			tgid = Number(name[1]);
			continue;
		}
		const cells = mapsLine.exec(line);
		if (!cells || Number.isNaN(tgid) || cells[3]![2] !== "x") continue;
		const start = BigInt(`0x${cells[1]}`);
		const length = BigInt(`0x${cells[2]}`) - start;
		if (length <= 0n) continue;
		yield {
			tgid,
			mapping: {
				start,
				length,
				fileOffset: BigInt(`0x${cells[4]}`),
				name: cells[5] ? unescaped(cells[5]) : "//anon",
				buildId: null,
				executable: true,
			},
			when,
		};
	}
}
