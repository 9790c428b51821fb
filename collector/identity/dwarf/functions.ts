/**
 * Functions of a unit and what was inlined into them (DWARF 5, section 3.3). Entries are read in one pass without
 * recursion; names are looked up when asked for.
 */
import { Entry, skipEntry, Tag } from "./abbreviations.ts";
import { BoundedCache } from "./bounded-cache.ts";
import type { DebugSections } from "./forms.ts";
import { lastAtMost, type RangeTable, RangeTableBuilder } from "./range-table.ts";
import { RangeBudget, rangesOf } from "./ranges.ts";
import { orNull, type Reader } from "./reader.ts";
import type { Unit, Units } from "./units.ts";

/** One call that was inlined. */
export interface Inlined {
	/** Entry of the function in .debug_info; NaN = not known. */
	readonly origin: number;
	/** Call site: file by its number in the unit's line table; NaN = not known. */
	readonly callFile: number;
	readonly callLine: number;
}

/** An inlined call inside a function: `parent` is the inlined call around it, -1 = the function itself. */
interface InlineNode extends Inlined {
	readonly parent: number;
	/** Starts and ends. */
	readonly ranges: readonly number[];
}

/** Places of the entries of functions by their addresses, and of the scopes that names are qualified by. */
interface UnitIndex {
	readonly functions: RangeTable;
	/** Entries of namespaces and classes: begin, end, index of the one around it (-1 = none). */
	readonly scopes: readonly { readonly start: number; end: number; readonly parent: number }[];
}

const scopeTags: ReadonlySet<number> = new Set([
	Tag.namespace,
	Tag.classType,
	Tag.structureType,
	Tag.unionType,
	Tag.interfaceType,
	Tag.module,
]);

const maxEntries = 1 << 25;
const maxEntriesOfFunction = 1 << 22;
const maxScopes = 1 << 20;
const maxFunctions = 1 << 20;
const maxNodes = 1 << 18;
const maxRangesOfUnit = 1 << 21;
const maxRangesOfFunction = 1 << 19;
/** Kept rows of indexes and trees, of all units. */
const keptIndexRows = 1 << 21;
const keptNodes = 1 << 19;
/** Characters of all kept names. */
const keptNameLength = 1 << 23;
/** From an inlined call to its function, from there to its declaration. */
const maxReferences = 8;
const maxQualifiers = 64;

export class Functions {
	readonly #sections: DebugSections;
	readonly #units: Units;
	readonly #indexes = new BoundedCache<UnitIndex>(
		keptIndexRows,
		(index) => 1 + index.functions.size + index.scopes.length,
	);
	readonly #trees = new BoundedCache<readonly InlineNode[]>(keptNodes, (nodes) => 1 + nodes.length);
	readonly #names = new BoundedCache<string | null>(keptNameLength, (name) => 64 + (name?.length ?? 0));

	constructor(sections: DebugSections, units: Units) {
		this.#sections = sections;
		this.#units = units;
	}

	/** Calls inlined at an address, outermost first; null where the unit has no function. */
	inlinedAt(unit: Unit, address: number): readonly Inlined[] | null {
		const place = this.#index(unit).functions.find(address);
		if (place === null) return null;
		const nodes = this.#trees.get(place, () => this.#readTree(unit, place));
		const calls: Inlined[] = [];
		let current = -1;
		// a call stands behind the one around it
		for (let i = 0; i < nodes.length; i++) {
			if (nodes[i].parent !== current || !contains(nodes[i].ranges, address)) continue;
			calls.push(nodes[i]);
			current = i;
		}
		return calls;
	}

	/** Name with its namespaces and classes, else as the linker knows it; null if there is none. */
	name(place: number): string | null {
		return this.#names.get(place, () => orNull(() => this.#readName(place)));
	}

	#index(unit: Unit): UnitIndex {
		return this.#indexes.get(unit.start, () => {
			const functions = new RangeTableBuilder(maxFunctions);
			const scopes: UnitIndex["scopes"][number][] = [];
			// what lies before damage is good
			orNull(() => this.#readIndex(unit, functions, scopes));
			return { functions: functions.build(), scopes };
		});
	}

	#readIndex(unit: Unit, functions: RangeTableBuilder, scopes: UnitIndex["scopes"][number][]): void {
		const reader = this.#units.reader(unit, unit.firstEntry);
		const abbreviations = this.#units.abbreviations(unit);
		const entry = new Entry();
		const budget = new RangeBudget(maxRangesOfUnit);
		/** Scopes that are open, and how deep their children are. */
		const open: { readonly index: number; readonly depth: number }[] = [];
		let depth = 0;
		for (let entries = 0; reader.at < reader.end && entries < maxEntries; entries++) {
			const { at } = reader;
			const code = reader.uleb();
			if (code === 0) {
				if (open.length > 0 && open[open.length - 1].depth === depth) scopes[open.pop()!.index].end = at;
				if (--depth <= 0) return;
				continue;
			}
			const abbreviation = abbreviations.get(code);
			const { tag, children } = abbreviation;
			if (children) depth++;
			if (tag === Tag.subprogram) {
				entry.read(reader, abbreviation, unit);
				const ranges = this.#rangesOf(entry, unit, budget);
				for (let i = 0; i < ranges.length; i += 2) functions.add(ranges[i], ranges[i + 1], at);
			} else {
				skipEntry(reader, abbreviation, unit);
				if (children && scopeTags.has(tag) && scopes.length < maxScopes) {
					scopes.push({
						start: at,
						end: unit.end,
						parent: open.length > 0 ? open[open.length - 1].index : -1,
					});
					open.push({ index: scopes.length - 1, depth });
				}
			}
		}
	}

	#readTree(unit: Unit, place: number): InlineNode[] {
		const nodes: InlineNode[] = [];
		orNull(() => this.#readNodes(unit, this.#units.reader(unit, place), nodes));
		return nodes;
	}

	#readNodes(unit: Unit, reader: Reader, nodes: InlineNode[]): void {
		const abbreviations = this.#units.abbreviations(unit);
		const entry = new Entry();
		const budget = new RangeBudget(maxRangesOfFunction);
		/** Inlined calls that are open, and how deep their children are. */
		const open: { readonly index: number; readonly depth: number }[] = [];
		let depth = 0;
		/** Depth of the children of a function inside the function, whose calls are not ours. */
		let inner = 0;
		for (let entries = 0; reader.at < reader.end && entries < maxEntriesOfFunction; entries++) {
			const code = reader.uleb();
			if (code === 0) {
				if (open.length > 0 && open[open.length - 1].depth === depth) open.pop();
				if (inner === depth) inner = 0;
				if (--depth <= 0) return;
				continue;
			}
			const abbreviation = abbreviations.get(code);
			const { tag, children } = abbreviation;
			if (children) depth++;
			if (tag === Tag.inlinedSubroutine && inner === 0 && nodes.length < maxNodes) {
				entry.read(reader, abbreviation, unit);
				const parent = open.length > 0 ? open[open.length - 1].index : -1;
				if (children) open.push({ index: nodes.length, depth });
				nodes.push({
					parent,
					origin: entry.number("origin"),
					callFile: entry.number("callFile"),
					callLine: entry.number("callLine"),
					ranges: this.#rangesOf(entry, unit, budget),
				});
			} else {
				skipEntry(reader, abbreviation, unit);
				if (tag === Tag.subprogram && children && depth > 1 && inner === 0) inner = depth;
			}
			if (depth === 0) return;
		}
	}

	#rangesOf(entry: Entry, unit: Unit, budget: RangeBudget): number[] {
		return orNull(() => rangesOf(this.#sections, entry, unit, unit, unit.base, budget)) ?? [];
	}

	#readName(place: number): string | null {
		let linkageName: string | null = null;
		for (let at = place, i = 0; i < maxReferences && !Number.isNaN(at); i++) {
			const unit = this.#units.holding(at);
			if (!unit) break;
			const reader = this.#units.reader(unit, at);
			const code = reader.uleb();
			if (code === 0) break;
			const entry = new Entry();
			entry.read(reader, this.#units.abbreviations(unit).get(code), unit);
			const name = this.#text(entry, "name", unit);
			if (name) return this.#qualified(unit, at, name);
			linkageName ??= this.#text(entry, "linkageName", unit);
			const specification = entry.number("specification");
			at = Number.isNaN(specification) ? entry.number("origin") : specification;
		}
		return linkageName;
	}

	#qualified(unit: Unit, place: number, name: string): string {
		const { scopes } = this.#index(unit);
		let index = lastAtMost(scopes.length, (i) => scopes[i].start, place - 1);
		const parts = [name];
		for (let i = 0; index >= 0 && i < maxQualifiers; i++) {
			const { start, end, parent } = scopes[index];
			if (place < end) {
				const scope = this.#scopeName(unit, start);
				if (scope) parts.unshift(scope);
			}
			index = parent;
		}
		return parts.join("::");
	}

	#scopeName(unit: Unit, place: number): string | null {
		const reader = this.#units.reader(unit, place);
		const entry = new Entry();
		entry.read(reader, this.#units.abbreviations(unit).get(reader.uleb()), unit);
		const name = this.#text(entry, "name", unit);
		return name || (entry.tag === Tag.namespace ? "(anonymous namespace)" : null);
	}

	#text(entry: Entry, attribute: "name" | "linkageName", unit: Unit): string | null {
		const given = entry.get(attribute);
		return given && orNull(() => this.#sections.text(".debug_info", given.form, given.value, unit, unit));
	}
}

function contains(ranges: readonly number[], address: number): boolean {
	for (let i = 0; i < ranges.length; i += 2) if (address >= ranges[i] && address < ranges[i + 1]) return true;
	return false;
}
