/**
 * Names of C++ and Rust functions as in the source. The package gecko-profiler-demangle, the Firefox profiler's, brings
 * the Rust crates cpp_demangle and rustc-demangle as one WebAssembly module; it is called directly, because its
 * JavaScript serves bundlers and keeps one instance for ever.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Note } from "../../decode/source.ts";

/** Itanium C++ ABI, 5.1.2; Rust's older names are of that form too; Rust v0 (RFC 2603). Apple puts "_" before all. */
const mangled = /^(?:_?_Z|__?R[A-Z0-9])/;

/** Names grow when their abbreviations are resolved, hostile ones without end: longer ones stay as they are. */
const maxNameChars = 16_384;
/** 64 KiB each. The module itself has no limit. */
const maxPages = 256;
/** Ordinary names take some microseconds. Names that would be looked at after this stay as they are. */
const maxSeconds = 20;

/** The types of Node.js do not have it. */
const { Module, Instance } = (
	globalThis as unknown as {
		WebAssembly: {
			Module: new (bytes: Uint8Array) => object;
			Instance: new (module: object, imports: object) => { readonly exports: unknown };
		};
	}
).WebAssembly;

interface Demangler {
	readonly memory: { readonly buffer: ArrayBuffer };
	demangle_any(at: number, bytes: number): [number, number];
	__wbindgen_malloc(bytes: number, alignment: number): number;
	__wbindgen_free(at: number, bytes: number, alignment: number): void;
	__wbindgen_start(): void;
}

/**
 * What names mean, by the mangled ones. Names that are not mangled, or cannot be taken apart, are not in the map.
 * Rust's hashes and the return types of C++ templates are left out.
 */
export function demangle(names: Iterable<string>, note: (note: Note) => void): Map<string, string> {
	const plain = new Map<string, string>();
	let module: object | undefined | null;
	let demangler: Demangler | undefined;
	let skipped = 0;
	const stop = performance.now() + maxSeconds * 1000;
	for (const name of new Set(names)) {
		if (!mangled.test(name)) continue;
		if (performance.now() > stop || name.length > maxNameChars) {
			skipped++;
			continue;
		}
		if (module === undefined) module = load();
		if (module === null) {
			note({
				severity: "warning",
				kind: "names-mangled",
				source: "symbols",
				text: "names of C++ and Rust functions stay mangled: the package gecko-profiler-demangle is missing (npm ci installs it)",
			});
			return plain;
		}
		demangler ??= start(module);
		try {
			const text = call(demangler, name);
			if (text.length > maxNameChars) skipped++;
			// a name that it cannot take apart comes back, without its first underscore where it has two forms
			else if (text !== name && text !== name.slice(1)) plain.set(name, text);
		} catch {
			// out of its memory or its stack: the state of the instance is unknown then
			demangler = undefined;
			skipped++;
		}
	}
	if (skipped > 0)
		note({
			severity: "info",
			kind: "names-mangled",
			source: "symbols",
			count: skipped,
			text: "names of functions are too long when they are written out: they stay mangled",
		});
	return plain;
}

function load(): object | null {
	try {
		const path = createRequire(import.meta.url).resolve("gecko-profiler-demangle/index_bg.wasm");
		return new Module(limitMemory(readFileSync(path), maxPages));
	} catch (error) {
		if (["MODULE_NOT_FOUND", "ENOENT"].includes((error as NodeJS.ErrnoException).code!)) return null;
		throw error;
	}
}

function start(module: object): Demangler {
	// only JavaScript values need the table
	const imports = { "./index_bg.js": { __wbindgen_init_externref_table: () => {} } };
	const demangler = new Instance(module, imports).exports as Demangler;
	demangler.__wbindgen_start();
	return demangler;
}

/** Strings are handed over in the module's memory and belong to the callee; so does what comes back to the caller. */
function call(demangler: Demangler, name: string): string {
	const bytes = Buffer.from(name);
	const at = demangler.__wbindgen_malloc(bytes.length, 1) >>> 0;
	new Uint8Array(demangler.memory.buffer).set(bytes, at);
	const [start, length] = demangler.demangle_any(at, bytes.length);
	const text = Buffer.from(demangler.memory.buffer, start >>> 0, Math.min(length, 4 * maxNameChars)).toString(
		"utf8",
	);
	demangler.__wbindgen_free(start, length, 1);
	return text;
}

/**
 * The module with a limit of its memory, which it does not have itself: section 5 is the number of memories (1), then
 * flag 0 and the minimum, or flag 1, minimum and maximum; all numbers are LEB128 (WebAssembly core specification 2.0,
 * 5.5.8).
 */
function limitMemory(module: Buffer, pages: number): Buffer {
	for (let at = 8; at < module.length; ) {
		const size = readNumber(module, at + 1);
		const end = size.next + size.value;
		if (module[at] === 5 && module[size.next] === 1) {
			const minimum = readNumber(module, size.next + 2).value;
			const limits = [1, 1, ...number(minimum), ...number(Math.max(minimum, pages))];
			return Buffer.concat([
				module.subarray(0, at),
				Buffer.from([5, ...number(limits.length), ...limits]),
				module.subarray(end),
			]);
		}
		at = end;
	}
	return module;
}

function readNumber(bytes: Buffer, at: number): { value: number; next: number } {
	let value = 0;
	for (let i = 0; ; i++) {
		value += (bytes[at + i] & 127) * 128 ** i;
		if (bytes[at + i] < 128) return { value, next: at + i + 1 };
	}
}

function number(value: number): number[] {
	return value < 128 ? [value] : [(value & 127) | 128, ...number(value >>> 7)];
}
