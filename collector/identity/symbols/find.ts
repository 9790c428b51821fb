/** Which file on this machine is the program or library of a mapping, and what it knows of its functions. */
import { statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { exitCode, PowerkiError } from "../../../lib/schema/errors.ts";
import { MemoryBytes, Truncated } from "../../decode/bytes.ts";
import { prepareCompression } from "../../decode/compression.ts";
import type { Note } from "../../decode/source.ts";
import type { Binaries } from "../binary.ts";
import { Elf, NotElf, PT_LOAD } from "./elf.ts";
import { ElfBinary, hasCode } from "./elf-binary.ts";
import { openPlainFile, type PlainFile } from "./file-bytes.ts";
import { symbolTable } from "./function-table.ts";
import { PerfMap } from "./perf-map.ts";
import {
	below,
	byBuildId,
	byDebugLink,
	filesBelow,
	isOfBuild,
	objdumpName,
	ofTheUser,
	plainPath,
	readings,
	vdsoFiles,
} from "./places.ts";
import { unpackXz } from "./xz.ts";

/** A row of table binary, but for its counts. */
export interface BinaryState {
	readonly module: string;
	readonly buildId: string | null;
	/** File that gave the symbols; null if none did. */
	readonly file: string | null;
	readonly state: "named" | "not found" | "other build" | "no symbols" | "unreadable" | "no file";
}

export interface BinarySymbols extends Binaries {
	/** One for each module and build-id that was asked for, in order of the first question. */
	states(): BinaryState[];
}

export interface FindOptions {
	/** Folders of --symbols, the first before the others: a copy of the traced machine's files, or only some of them. */
	readonly symbols: readonly string[];
	/** The trace: perf-PID.map beside it is read; - for standard input. */
	readonly tracePath: string;
	/** Files of --side. */
	readonly files?: readonly string[];
	readonly note: (note: Note) => void;
}

/**
 * @throws PowerkiError (unreadable) if a folder of --symbols does not exist
 */
export async function openBinaries(options: FindOptions): Promise<BinarySymbols> {
	for (const folder of options.symbols) {
		if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) continue;
		throw new PowerkiError(exitCode.unreadable, `no such folder: ${folder}`, [
			"--symbols takes a folder with the programs and libraries of the traced machine, or their debug files",
		]);
	}
	await prepareCompression();
	return new Finder(options);
}

interface Opened {
	readonly file: PlainFile;
	readonly elf: Elf;
	readonly buildId: string | null;
}

interface Answer {
	readonly binary: ElfBinary | null;
	/** Why there is none. */
	readonly state: BinaryState["state"];
}

/** How the kernel names memory that has no file: mm/mmap.c, mm/shmem.c, mm/memfd.c, ipc/shm.c, fs/aio.c; perf's //anon. */
const withoutFile = /^\/(?:\/anon|memfd:|SYSV[0-9a-f]{8}|dev\/zero|anon_hugepage|\[aio\])/;

/** As for other side files. */
const maxMapBytes = 64 << 20;

class Finder implements BinarySymbols {
	readonly #options: FindOptions;
	readonly #answers = new Map<string, Answer & { module: string; buildId: string | null }>();
	readonly #maps = new Map<number, PerfMap | null>();
	/** By folder of --symbols: files by the first 20 bytes of their build-id. */
	readonly #indexes = new Map<string, Map<string, string[]>>();
	#unchecked = false;

	constructor(options: FindOptions) {
		this.#options = options;
	}

	find(module: string, buildId: string | null): ElfBinary | null {
		const key = `${buildId ?? ""} ${module}`;
		let answer = this.#answers.get(key);
		if (!answer) {
			answer = { module, buildId, ...this.#search(module, buildId?.toLowerCase() ?? null) };
			this.#answers.set(key, answer);
		}
		return answer.binary;
	}

	states(): BinaryState[] {
		return Array.from(this.#answers.values(), ({ module, buildId, binary, state }) =>
			binary && binary.functions.size === 0
				? { module, buildId, file: null, state: "no symbols" }
				: { module, buildId, file: binary?.symbolFile ?? null, state },
		);
	}

	jit(tgid: number, address: bigint): { readonly name: string; readonly offset: number } | null {
		let map = this.#maps.get(tgid);
		if (map === undefined) {
			map = this.#readMap(tgid);
			this.#maps.set(tgid, map);
		}
		return map?.find(address) ?? null;
	}

	#search(module: string, buildId: string | null): Answer {
		if (module !== "[vdso]" && (!module.startsWith("/") || withoutFile.test(module)))
			return { binary: null, state: "no file" };
		let state: BinaryState["state"] = "not found";
		let debug: Opened | null = null;
		const seen = new Set<string>();
		for (const { path, local } of this.#candidates(module, buildId)) {
			if (seen.has(path)) continue;
			seen.add(path);
			const opened = this.#open(path, local);
			if (opened === null) continue;
			if (opened === "unreadable") {
				if (state === "not found") state = "unreadable";
				continue;
			}
			if (buildId !== null && !isOfBuild(buildId, opened.buildId)) {
				if (!local) state = this.#refuse(module, buildId, opened);
				continue;
			}
			if (hasCode(opened.elf)) {
				// without a build-id nothing else tells that both are of one build
				const fits = debug !== null && (buildId !== null || sameSegments(debug.elf, opened.elf));
				return this.#accept(module, buildId, opened, fits ? debug : null);
			}
			debug ??= opened;
		}
		// a debug file alone has names and lines, but no instructions
		return debug ? this.#accept(module, buildId, debug, debug) : { binary: null, state };
	}

	*#candidates(module: string, buildId: string | null): Generator<{ path: string; local: boolean }> {
		const { symbols } = this.#options;
		const path = plainPath(module);
		const given = (found: string | null) => (found === null ? [] : [{ path: found, local: false }]);
		for (const root of symbols) {
			if (module === "[vdso]") {
				for (const file of vdsoFiles(root)) yield* given(file);
			} else {
				// or a link that the user made to a file elsewhere
				yield* given(below(root, path) ?? join(root, path));
				yield* given(join(root, basename(path)));
				yield* given(join(root, objdumpName(path)));
			}
			if (buildId !== null) {
				const { programs, debug } = byBuildId(root, buildId);
				for (const file of [...programs, ...debug]) yield* given(file);
			}
		}
		if (buildId === null) return;
		for (const root of symbols) for (const file of this.#withBuildId(root, buildId)) yield* given(file);
		for (const file of ofTheUser(buildId).programs) yield { path: file, local: true };
		if (module !== "[vdso]") yield { path, local: true };
	}

	#accept(module: string, buildId: string | null, opened: Opened, debug: Opened | null): Answer {
		const { file, elf } = opened;
		if (buildId === null && !this.#unchecked) {
			this.#unchecked = true;
			this.#options.note({
				severity: "info",
				kind: "symbols-unchecked",
				source: module,
				text: `the trace has no build-id for ${module}: ${file.path} was taken by its name, and whether it is the program that ran could not be checked (so for every row of table binary without build_id)`,
			});
		}
		const complete = symbolTable(elf, false) && elf.sections.some((s) => /^\.z?debug_info$/.test(s.name));
		const extra = debug ?? (complete ? null : this.#debugFile(module, opened));
		return {
			state: "named",
			binary: new ElfBinary({
				file: file.path,
				elf,
				debug: extra && { file: extra.file.path, elf: extra.elf },
				packedSymbols: () => this.#packedSymbols(opened),
			}),
		};
	}

	/** The separate debug file of a program: by its build-id, then by the name and checksum that it tells. */
	#debugFile(module: string, program: Opened): Opened | null {
		const { symbols } = this.#options;
		const { buildId } = program;
		const paths: string[] = [];
		if (buildId !== null) {
			for (const root of symbols) paths.push(...byBuildId(root, buildId).debug);
			paths.push(...ofTheUser(buildId).debug, ...byBuildId("/usr/lib/debug", buildId).debug);
		}
		const link = debugLink(program.elf);
		if (link) paths.push(...byDebugLink(symbols, plainPath(module), program.file.path, link.name));
		const fits = (path: string) => {
			const debug = this.#open(path, true);
			if (debug === null || debug === "unreadable" || !symbolTable(debug.elf, false)) return null;
			if (debug.elf.machine !== program.elf.machine) return null;
			// where both have a build-id it is a better check than the sum, which takes reading all of the file
			const same =
				buildId !== null && debug.buildId !== null
					? buildId === debug.buildId
					: link?.sum === checksum(debug.file);
			return same ? debug : null;
		};
		for (const path of paths) {
			const debug = fits(path);
			if (debug) return debug;
		}
		if (buildId === null) return null;
		for (const root of symbols)
			for (const path of this.#withBuildId(root, buildId)) {
				const debug = path === program.file.path ? null : fits(path);
				if (debug) return debug;
			}
		return null;
	}

	#packedSymbols({ elf, file }: Opened): Elf | null {
		const packed = elf.section(".gnu_debugdata");
		if (!packed) return null;
		const bytes = unpackXz(packed.bytes);
		if (typeof bytes !== "string") {
			try {
				return new Elf(new MemoryBytes(bytes));
			} catch {
				// said below
			}
		}
		this.#options.note({
			severity: "info",
			kind: "symbols-packed",
			source: file.path,
			text: `the symbols in .gnu_debugdata cannot be used: ${typeof bytes === "string" ? bytes : "not an ELF file"}`,
		});
		return null;
	}

	#refuse(module: string, buildId: string, { file, buildId: found }: Opened): "other build" {
		this.#options.note({
			severity: "warning",
			kind: "symbols-other-build",
			source: file.path,
			text: `not used for ${module}: its build-id is ${found ?? "not there"}, the trace has ${buildId}`,
		});
		return "other build";
	}

	#open(path: string, local: boolean): Opened | "unreadable" | null {
		let file: PlainFile | null = null;
		try {
			file = openPlainFile(path);
			if (!file) return null;
			const elf = new Elf(file);
			return { file, elf, buildId: elf.buildId() };
		} catch (error) {
			file?.close();
			if (local) return null;
			const denied = (error as NodeJS.ErrnoException).code;
			if (!(error instanceof NotElf) && !(error instanceof Truncated) && denied === undefined) throw error;
			this.#options.note({
				severity: "warning",
				kind: "symbols-unreadable",
				source: path,
				text: `not used: ${(error as Error).message}`,
			});
			return "unreadable";
		}
	}

	/** Files of a folder of --symbols, wherever they lie there and whatever their name is. */
	#withBuildId(root: string, buildId: string): string[] {
		const index = this.#index(root);
		return readings(buildId).flatMap((id) => index.get(id.slice(0, 40)) ?? []);
	}

	#index(root: string): Map<string, string[]> {
		let index = this.#indexes.get(root);
		if (index) return index;
		index = new Map();
		this.#indexes.set(root, index);
		const files = filesBelow(root);
		for (let next = files.next(); ; next = files.next()) {
			if (next.done) {
				if (!next.value.complete)
					this.#options.note({
						severity: "info",
						kind: "symbols-folder-large",
						source: root,
						text: "the folder holds too many files or is too deep: not all were looked at for their build-ids",
					});
				return index;
			}
			const opened = this.#open(next.value, true);
			if (opened === null || opened === "unreadable") continue;
			opened.file.close();
			if (opened.buildId === null) continue;
			const key = opened.buildId.slice(0, 40);
			index.set(key, [...(index.get(key) ?? []), next.value]);
		}
	}

	#readMap(tgid: number): PerfMap | null {
		const { symbols, tracePath, files = [] } = this.#options;
		const name = `perf-${tgid}.map`;
		const folders: string[] = [];
		if (tracePath !== "-") {
			const isFolder = statSync(tracePath, { throwIfNoEntry: false })?.isDirectory();
			const folder = isFolder ? tracePath : dirname(tracePath);
			folders.push(folder, join(folder, "side"));
		}
		const paths = [
			...folders.map((folder) => join(folder, name)),
			...files.filter((file) => basename(file) === name),
			...symbols.flatMap((root) => [join(root, name), join(root, "tmp", name)]),
		];
		for (const path of paths) {
			try {
				const file = openPlainFile(path);
				if (!file) continue;
				const bytes = file.size <= maxMapBytes ? file.read(0, file.size, name) : null;
				file.close();
				if (bytes) return PerfMap.parse(bytes);
				this.#options.note({
					severity: "warning",
					kind: "symbols-unreadable",
					source: path,
					text: "not used: larger than the limit for side files",
				});
			} catch (error) {
				this.#options.note({
					severity: "warning",
					kind: "symbols-unreadable",
					source: path,
					text: `not used: ${(error as Error).message}`,
				});
			}
		}
		return null;
	}
}

/** Segments as they lie in memory; debug files keep these, whatever they have left out. */
function sameSegments(a: Elf, b: Elf): boolean {
	const [x, y] = [a, b].map((elf) => elf.segments.filter((s) => s.type === PT_LOAD));
	return (
		a.machine === b.machine &&
		x!.length === y!.length &&
		x!.every((s, i) => s.address === y![i]!.address && s.memoryBytes === y![i]!.memoryBytes)
	);
}

/** .gnu_debuglink: a file name, zeros up to a multiple of 4, a CRC-32 (GDB manual, "Separate Debug Files"). */
function debugLink(elf: Elf): { name: string; sum: number } | null {
	const content = elf.section(".gnu_debuglink")?.bytes;
	const end = content?.indexOf(0) ?? -1;
	if (!content || end <= 0) return null;
	const at = (end & ~3) + 4;
	const name = content.toString("utf8", 0, end);
	if (at + 4 > content.length || name !== basename(name) || name.startsWith(".")) return null;
	return { name, sum: elf.words(content).u32(at) };
}

function checksum(file: PlainFile): number {
	const part = Buffer.allocUnsafe(Math.min(1 << 20, file.size));
	let sum = 0;
	for (let at = 0; at < file.size; at += part.length) {
		const some = part.subarray(0, Math.min(part.length, file.size - at));
		file.readInto(some, at, "debug file");
		sum = crc32(some, sum);
	}
	return sum;
}
