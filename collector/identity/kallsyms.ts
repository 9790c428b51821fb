/** One answer of a symbol table: the function that covers an address, the distance from its start, and its module in brackets (null: core kernel). */
export interface KernelSymbol {
	symbol: string;
	/** Bytes from the start of the symbol. */
	offset: number;
	/** "[ext4]" as kallsyms prints it; null for the core kernel. */
	module: string | null;
}

/** A line of /proc/modules. The address is that of the module's text. */
export interface LoadedModule {
	name: string;
	bytes: number;
	lo: number;
	hi: number;
}

/** kallsyms has no sizes. Inside one module (or the core) the next symbol bounds a function; no function is longer than this. */
const longestFunction = 1 << 20;
/** Behind the last symbol of a module nothing bounds the function: past one large page the address belongs to something unnamed. */
const longestLastFunction = 1 << 16;

const tab = 9;
const newline = 10;
const space = 32;
const openBracket = 91;
const closeBracket = 93;

/** Value of each ASCII hex digit; 255 for any other byte. */
const digit = new Uint8Array(256).fill(255);
for (const [i, c] of [..."0123456789abcdef"].entries()) digit[c.charCodeAt(0)] = i;
for (const [i, c] of [..."ABCDEF"].entries()) digit[c.charCodeAt(0)] = 10 + i;

/** Absolute symbols (on x86 the per-CPU offsets) are no places in the kernel, and undefined ones have no address. */
const skippedTypes = new Set([..."AaU"].map((c) => c.charCodeAt(0)));

/** Arm's and RISC-V's mapping symbols and local labels; the kernel does not print them either (kernel/module/kallsyms.c, is_mapping_symbol). */
const mappingSymbol = /^(\$|\.L|L0)/;

/** Columns of a table in the order of the file. */
interface Columns {
	count: number;
	hi: Uint32Array;
	lo: Uint32Array;
	/** Where the name lies in `text[source]`. */
	start: Uint32Array;
	length: Uint16Array;
	/** Index into `modules`; 0 is the core kernel. */
	module: Uint16Array;
	isText: Uint8Array;
	modules: string[];
}

function emptyColumns(capacity: number): Columns {
	return {
		count: 0,
		hi: new Uint32Array(capacity),
		lo: new Uint32Array(capacity),
		start: new Uint32Array(capacity),
		length: new Uint16Array(capacity),
		module: new Uint16Array(capacity),
		isText: new Uint8Array(capacity),
		modules: [""],
	};
}

/** Reads `address type name [module]` lines; lines of another form are skipped. */
function parseLines(text: Buffer): { columns: Columns; lines: number; nonZero: boolean } {
	let capacity = 1;
	for (let i = text.indexOf(newline); i >= 0; i = text.indexOf(newline, i + 1)) capacity++;
	const columns = emptyColumns(capacity);
	const moduleIds = new Map<string, number>([["", 0]]);
	let moduleText = "";
	let moduleId = 0;
	let lines = 0;
	let nonZero = false;
	for (let at = 0; at < text.length; ) {
		let end = text.indexOf(newline, at);
		if (end < 0) end = text.length;
		const from = at;
		at = end + 1;
		let hi = 0;
		let lo = 0;
		let p = from;
		for (; p < end && digit[text[p]] !== 255; p++) {
			hi = ((hi << 4) | (lo >>> 28)) >>> 0;
			lo = ((lo << 4) | digit[text[p]]) >>> 0;
		}
		const digits = p - from;
		if (digits < 8 || digits > 16 || text[p] !== space || text[p + 2] !== space || p + 3 >= end) continue;
		const type = text[p + 1];
		const nameStart = p + 3;
		let nameEnd = nameStart;
		while (nameEnd < end && text[nameEnd] !== tab && text[nameEnd] !== space && text[nameEnd] !== 13)
			nameEnd++;
		if (nameEnd === nameStart) continue;
		lines++;
		if (hi !== 0 || lo !== 0) nonZero = true;
		if (skippedTypes.has(type)) continue;
		const first = text[nameStart];
		if (
			(first === 36 || first === 46 || first === 76) &&
			mappingSymbol.test(text.toString("latin1", nameStart, nameStart + 2))
		)
			continue;
		let module = 0;
		if (nameEnd < end) {
			const open = text.indexOf(openBracket, nameEnd);
			if (open >= 0 && open < end) {
				const close = text.indexOf(closeBracket, open);
				const name = text.toString("utf8", open, close >= 0 && close < end ? close + 1 : end);
				if (name !== moduleText) {
					moduleText = name;
					moduleId = moduleIds.get(name) ?? columns.modules.push(name) - 1;
					moduleIds.set(name, moduleId);
				}
				module = moduleId;
			}
		}
		const n = columns.count++;
		columns.hi[n] = hi;
		columns.lo[n] = lo;
		columns.start[n] = nameStart;
		columns.length[n] = Math.min(nameEnd - nameStart, 0xffff);
		columns.module[n] = module;
		// T t W w of nm(1): in a text section; weak symbols are functions nearly always
		columns.isText[n] = type === 84 || type === 116 || type === 87 || type === 119 ? 1 : 0;
	}
	return { columns, lines, nonZero };
}

/** Positions of `rows` in order of address; equal addresses keep the order of the file. The core part of kallsyms is sorted already, which the engine's merge sort uses. */
function inOrder(columns: Columns, rows: number[]): number[] {
	const { hi, lo } = columns;
	return rows.sort((a, b) => hi[a] - hi[b] || lo[a] - lo[b] || a - b);
}

/**
 * The symbol table of one running kernel, from the text of /proc/kallsyms (a section of trace.dat or a side file).
 *
 * Of several names at one address it answers with the first in the file: that is what the kernel prints itself
 * (kernel/kallsyms.c, get_symbol_pos: "search for the first aliased symbol"; the file is in the table's order, which
 * scripts/kallsyms.c sorts by address, weak after strong, fewer leading underscores first). So a stack shows sys_futex
 * where the table has __se_sys_futex too. Data symbols stay in the table: they bound the functions before them.
 */
export class KernelSymbols {
	private constructor(
		private readonly columns: Columns,
		private readonly texts: readonly Buffer[],
		/** Index into `texts` of each row. */
		private readonly source: Uint8Array,
		/** Lines read, before absolute symbols were left out. */
		readonly lines: number,
		/** The file has symbols but all addresses are zero: the reader was not allowed to see them (sysctl kernel.kptr_restrict). */
		readonly hidden: boolean,
	) {}

	/** Parses the text of kallsyms. Never throws: lines that are none are skipped, an empty text gives an empty table. */
	static parse(bytes: Uint8Array): KernelSymbols {
		const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		const { columns, lines, nonZero } = parseLines(text);
		const hidden = lines > 0 && !nonZero;
		const rows = hidden
			? []
			: inOrder(
					columns,
					Array.from({ length: columns.count }, (_, i) => i),
				);
		return KernelSymbols.build([{ columns, rows, texts: [text], source: null }], lines, hidden);
	}

	/**
	 * One table of several, the best first: the core kernel comes from the first table that has it, all modules from the
	 * first table that has any. Modules load elsewhere in every boot, so tables of two boots must not be mixed.
	 */
	static merge(tables: readonly KernelSymbols[]): KernelSymbols {
		const core = tables.find((t) => t.coreCount > 0);
		const modules = tables.find((t) => t.moduleCount > 0);
		if (core && core === modules) return core;
		const parts = [core?.select(false), modules?.select(true)].filter((p) => p !== undefined);
		return KernelSymbols.build(
			parts,
			(core?.lines ?? 0) + (modules?.lines ?? 0),
			parts.length === 0 && tables.some((t) => t.hidden),
		);
	}

	/** This table without its modules, for a table of another boot. */
	withoutModules(): KernelSymbols {
		return KernelSymbols.build([this.select(false)], this.lines, this.hidden);
	}

	private select(ofModules: boolean): Part {
		const rows: number[] = [];
		for (let i = 0; i < this.columns.count; i++)
			if ((this.columns.module[i] !== 0) === ofModules) rows.push(i);
		return { columns: this.columns, rows, texts: this.texts, source: this.source };
	}

	private static build(parts: readonly Part[], lines: number, hidden: boolean): KernelSymbols {
		const total = parts.reduce((n, p) => n + p.rows.length, 0);
		const all = emptyColumns(total);
		const source = new Uint8Array(total);
		const texts: Buffer[] = [];
		// the rows of each part are in order: merge them
		const next = parts.map(() => 0);
		const moduleOf = parts.map(({ columns, rows }) => {
			const used = new Set(rows.map((row) => columns.module[row]));
			return columns.modules.map((name, id) => (id === 0 || !used.has(id) ? 0 : all.modules.push(name) - 1));
		});
		const firstText = parts.map((p) => texts.push(...p.texts) - p.texts.length);
		for (let n = 0; n < total; n++) {
			let best = -1;
			for (let k = 0; k < parts.length; k++) {
				if (next[k] >= parts[k].rows.length) continue;
				if (best < 0 || before(parts[k], next[k], parts[best], next[best])) best = k;
			}
			const { columns, rows, source: from } = parts[best];
			const row = rows[next[best]++];
			all.hi[n] = columns.hi[row];
			all.lo[n] = columns.lo[row];
			all.start[n] = columns.start[row];
			all.length[n] = columns.length[row];
			all.module[n] = moduleOf[best][columns.module[row]];
			all.isText[n] = columns.isText[row];
			source[n] = firstText[best] + (from === null ? 0 : from[row]);
		}
		all.count = total;
		return new KernelSymbols(all, texts, source, lines, hidden);
	}

	/** Symbols of the core kernel and of all modules. */
	get size(): number {
		return this.columns.count;
	}

	get moduleCount(): number {
		let n = 0;
		for (let i = 0; i < this.columns.count; i++) if (this.columns.module[i] !== 0) n++;
		return n;
	}

	get coreCount(): number {
		return this.size - this.moduleCount;
	}

	/** Modules that have symbols, in brackets, in order of first appearance. */
	get modules(): string[] {
		return this.columns.modules.slice(1);
	}

	/**
	 * The symbol at or before an address given as two unsigned 32-bit halves; null before the first symbol and where
	 * the nearest one is too far below to be meant.
	 */
	lookup(lo: number, hi: number): KernelSymbol | null {
		const c = this.columns;
		lo >>>= 0;
		hi >>>= 0;
		let low = 0;
		let high = c.count;
		while (low < high) {
			const mid = (low + high) >>> 1;
			if (c.hi[mid] < hi || (c.hi[mid] === hi && c.lo[mid] <= lo)) low = mid + 1;
			else high = mid;
		}
		let at = low - 1;
		if (at < 0) return null;
		const last = low === c.count || c.module[low] !== c.module[at];
		const offset = (hi - c.hi[at]) * 0x1_0000_0000 + (lo - c.lo[at]);
		if (offset >= (last ? longestLastFunction : longestFunction)) return null;
		while (at > 0 && c.hi[at - 1] === c.hi[at] && c.lo[at - 1] === c.lo[at]) at--;
		const start = c.start[at];
		return {
			symbol: this.texts[this.source[at]].toString("utf8", start, start + c.length[at]),
			offset,
			module: c.module[at] === 0 ? null : c.modules[c.module[at]],
		};
	}

	/**
	 * Whether the modules of this table lie where the machine had loaded them (/proc/modules of the traced boot). False
	 * if most of the modules known to both have no function in their own address range: then the table is of another
	 * boot, and its names would be plausible and wrong. True also when nothing can be compared.
	 */
	fitsModules(loaded: readonly LoadedModule[]): boolean {
		const c = this.columns;
		const expected = new Map<number, LoadedModule>();
		for (const module of loaded) {
			const id = c.modules.indexOf(`[${module.name}]`);
			// an unprivileged reader of /proc/modules sees zeros
			if (id > 0 && (module.lo !== 0 || module.hi !== 0)) expected.set(id, module);
		}
		const fitting = new Set<number>();
		for (let i = 0; i < c.count; i++) {
			const module = c.isText[i] === 1 ? expected.get(c.module[i]) : undefined;
			if (!module) continue;
			const distance = (c.hi[i] - module.hi) * 0x1_0000_0000 + (c.lo[i] - module.lo);
			if (distance >= 0 && distance < module.bytes) fitting.add(c.module[i]);
		}
		return expected.size === 0 || fitting.size * 2 > expected.size;
	}
}

interface Part {
	columns: Columns;
	rows: number[];
	texts: readonly Buffer[];
	source: Uint8Array | null;
}

function before(a: Part, i: number, b: Part, j: number): boolean {
	const x = a.rows[i];
	const y = b.rows[j];
	return (
		a.columns.hi[x] < b.columns.hi[y] ||
		(a.columns.hi[x] === b.columns.hi[y] && a.columns.lo[x] < b.columns.lo[y])
	);
}
