/**
 * Units of .debug_info: their headers (DWARF 5, section 7.5.1), first entries, and which of them covers an address.
 * .debug_aranges (section 6.1.2) is asked only for units whose first entry tells no addresses: not all compilers write it.
 */
import { Abbreviations, Entry, Tag } from "./abbreviations.ts";
import { BoundedCache } from "./bounded-cache.ts";
import type { DebugSections, UnitBases, UnitFormat } from "./forms.ts";
import { lastAtMost, type RangeTable, RangeTableBuilder } from "./range-table.ts";
import { RangeBudget, rangesOf } from "./ranges.ts";
import { Malformed, orNull, type Reader } from "./reader.ts";

export interface Unit extends UnitFormat, UnitBases {
	readonly end: number;
	/** Place of the first entry. */
	readonly firstEntry: number;
	/** Place of the unit's table in .debug_abbrev. */
	readonly abbreviationsAt: number;
	/** What ranges count from. */
	readonly base: number;
	/** Place of the line table in .debug_line; NaN = none. */
	readonly lines: number;
	/** Directory that relative names of files start from. */
	readonly directory: string | null;
	readonly tag: number;
}

/** Browsers have some ten thousand, kernels some thousand. */
const maxUnits = 1 << 20;
const maxUnitRanges = 1 << 21;
const keptUnits = 512;
/** Units of one compiler run mostly have a table each. */
const keptAbbreviationTables = 16;

export class Units {
	readonly #sections: DebugSections;
	readonly #kept = new BoundedCache<Unit | null>(keptUnits);
	readonly #tables = new BoundedCache<{ readonly format: string; readonly table: Abbreviations }>(
		keptAbbreviationTables,
	);
	/** Places of all units, ascending. */
	#starts: Float64Array | null = null;
	#addresses: RangeTable | null = null;

	constructor(sections: DebugSections) {
		this.#sections = sections;
	}

	/** Unit that covers an address. */
	covering(address: number): Unit | null {
		this.#addresses ??= this.#indexAddresses();
		const start = this.#addresses.find(address);
		return start === null ? null : this.#unitAt(start);
	}

	/** Unit that holds a place in .debug_info. */
	holding(place: number): Unit | null {
		this.#starts ??= this.#findStarts();
		const starts = this.#starts;
		const index = lastAtMost(starts.length, (i) => starts[i], place);
		const unit = index < 0 ? null : this.#unitAt(starts[index]);
		return unit && place >= unit.firstEntry && place < unit.end ? unit : null;
	}

	/** @throws Malformed */
	reader(unit: Unit, at: number): Reader {
		if (at < unit.firstEntry) throw new Malformed();
		return this.#sections.reader(".debug_info", at, unit.end);
	}

	/** Which attributes the unit's entries have. @throws Malformed */
	abbreviations(unit: Unit): Abbreviations {
		return this.#abbreviations(unit.abbreviationsAt, unit);
	}

	#findStarts(): Float64Array {
		const starts: number[] = [];
		const bytes = this.#sections.bytes(".debug_info")?.length ?? 0;
		for (let at = 0; at + 4 <= bytes && starts.length < maxUnits; ) {
			const next = orNull(() => {
				const reader = this.#sections.reader(".debug_info", at);
				const { length } = reader.initialLength();
				return reader.at + length;
			});
			if (next === null || !(next <= bytes)) break;
			starts.push(at);
			at = next;
		}
		return Float64Array.from(starts);
	}

	#indexAddresses(): RangeTable {
		this.#starts ??= this.#findStarts();
		const table = new RangeTableBuilder(maxUnitRanges);
		const budget = new RangeBudget(maxUnitRanges);
		const silent = new Set<number>();
		for (const start of this.#starts) {
			const found = orNull(() => this.#rangesOfUnit(start, budget));
			if (found?.length === 0) silent.add(start);
			for (let i = 0; found && i < found.length; i += 2) table.add(found[i], found[i + 1], start);
		}
		if (silent.size > 0) this.#addListed(table, silent);
		return table.build();
	}

	/** null for units that have no code of their own. */
	#rangesOfUnit(start: number, budget: RangeBudget): number[] | null {
		const opened = this.#open(start);
		if (!opened) return null;
		const { unit, entry } = opened;
		if (unit.tag !== Tag.compileUnit && unit.tag !== Tag.skeletonUnit) return null;
		return rangesOf(this.#sections, entry, unit, unit, unit.base, budget);
	}

	/** Ranges of .debug_aranges, of the units asked for. */
	#addListed(table: RangeTableBuilder, units: ReadonlySet<number>): void {
		const bytes = this.#sections.bytes(".debug_aranges")?.length ?? 0;
		for (let at = 0; at + 4 <= bytes; ) {
			const next = orNull(() => {
				const reader = this.#sections.reader(".debug_aranges", at);
				const { length, wide } = reader.initialLength();
				const set = this.#sections.reader(".debug_aranges", reader.at, reader.at + length);
				if (set.u16() !== 2) return set.end;
				const unit = wide ? set.u64() : set.u32();
				const addressBytes = set.u8();
				if (set.u8() !== 0 || (addressBytes !== 4 && addressBytes !== 8) || !units.has(unit)) return set.end;
				// tuples are aligned to their size, from the begin of the set
				const tuple = 2 * addressBytes;
				set.skip((tuple - ((set.at - at) % tuple)) % tuple);
				while (set.at + tuple <= set.end) {
					const start = set.unsigned(addressBytes);
					const size = set.unsigned(addressBytes);
					if (start === 0 && size === 0) break;
					table.add(start, start + size, unit);
				}
				return set.end;
			});
			if (next === null) return;
			at = next;
		}
	}

	#unitAt(start: number): Unit | null {
		return this.#kept.get(start, () => orNull(() => this.#open(start)?.unit ?? null));
	}

	#open(start: number): { readonly unit: Unit; readonly entry: Entry } | null {
		const reader = this.#sections.reader(".debug_info", start);
		const { length, wide } = reader.initialLength();
		const end = reader.at + length;
		const version = reader.u16();
		if (version < 2 || version > 5) return null;
		let abbreviationsAt: number;
		let addressBytes: number;
		const offset = wide ? 8 : 4;
		if (version === 5) {
			const kind = reader.u8();
			addressBytes = reader.u8();
			abbreviationsAt = reader.unsigned(offset);
			if (kind === 4 || kind === 5)
				reader.skip(8); // id of DW_UT_skeleton, DW_UT_split_compile
			else if (kind === 2 || kind === 6) reader.skip(8 + offset); // signature and place of DW_UT_type, DW_UT_split_type
		} else {
			abbreviationsAt = reader.unsigned(offset);
			addressBytes = reader.u8();
		}
		if (addressBytes !== 4 && addressBytes !== 8) return null;
		const format: UnitFormat = { start, version, addressBytes, wide };
		const firstEntry = reader.at;
		const first = this.#sections.reader(".debug_info", firstEntry, end);
		const entry = new Entry();
		const code = first.uleb();
		if (code === 0) return null;
		entry.read(first, this.#abbreviations(abbreviationsAt, format).get(code), format);

		// without the attribute, behind the header of the section's only part (split units of DWARF 5)
		const behindHeader = version === 5 ? 2 * offset : 0;
		const [stringOffsets, addresses, rangeLists] = [
			entry.number("strOffsetsBase"),
			entry.number("addrBase"),
			entry.number("rnglistsBase"),
		];
		// one literal: spread objects cost more than all the rest
		const unit: { -readonly [Key in keyof Unit]: Unit[Key] } = {
			start,
			version,
			addressBytes,
			wide,
			stringOffsets: Number.isNaN(stringOffsets) ? behindHeader : stringOffsets,
			addresses: Number.isNaN(addresses) ? behindHeader : addresses,
			rangeLists: Number.isNaN(rangeLists) ? offset + 8 : rangeLists,
			end,
			firstEntry,
			abbreviationsAt,
			tag: entry.tag,
			base: 0,
			lines: entry.number("stmtList"),
			directory: null,
		};
		const low = entry.get("lowPc");
		if (low) unit.base = orNull(() => this.#sections.address(low.form, low.value, unit, unit)) ?? 0;
		const directory = entry.get("compDir");
		if (directory)
			unit.directory = orNull(() =>
				this.#sections.text(".debug_info", directory.form, directory.value, unit, unit),
			);
		return { unit, entry };
	}

	/** Units share tables; those of another format (sizes of offsets and addresses) have their own. */
	#abbreviations(at: number, unit: UnitFormat): Abbreviations {
		const format = `${unit.version === 2} ${unit.addressBytes} ${unit.wide}`;
		const make = () => ({
			format,
			table: new Abbreviations(this.#sections.reader(".debug_abbrev", at), unit),
		});
		const kept = this.#tables.get(at, make);
		return kept.format === format ? kept.table : make().table;
	}
}
