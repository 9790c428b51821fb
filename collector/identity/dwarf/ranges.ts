/** Addresses of an entry: DW_AT_low_pc, DW_AT_high_pc, DW_AT_ranges (DWARF 5, section 2.17; DWARF 4, section 2.17.3). */
import type { Entry } from "./abbreviations.ts";
import { type DebugSections, Form, type UnitBases, type UnitFormat } from "./forms.ts";
import { Malformed } from "./reader.ts";

/** Entries of range lists that may still be read: lists may be shared by any number of entries. */
export class RangeBudget {
	constructor(public left: number) {}

	take(): void {
		if (--this.left < 0) throw new Malformed();
	}
}

/**
 * Ranges [start, end) as a flat list of starts and ends; empty ones are left out.
 * @param base what ranges count from: the unit's own lowest address
 * @throws Malformed
 */
export function rangesOf(
	sections: DebugSections,
	entry: Entry,
	unit: UnitFormat,
	bases: UnitBases,
	base: number,
	budget: RangeBudget,
): number[] {
	const ranges = entry.get("ranges");
	if (ranges) {
		return unit.version >= 5
			? rangeList(sections, ranges.form, ranges.value, unit, bases, base, budget)
			: oldRanges(sections, ranges.value, unit, base, budget);
	}
	const low = entry.get("lowPc");
	const high = entry.get("highPc");
	if (!low || !high) return [];
	const start = sections.address(low.form, low.value, unit, bases);
	if (start === null) return [];
	// a constant is the length (since DWARF 4)
	const end = sections.address(high.form, high.value, unit, bases) ?? start + high.value;
	return end > start ? [start, end] : [];
}

function add(list: number[], start: number, end: number): void {
	if (end > start) list.push(start, end);
}

/** .debug_ranges */
function oldRanges(
	sections: DebugSections,
	at: number,
	unit: UnitFormat,
	unitBase: number,
	budget: RangeBudget,
): number[] {
	const list: number[] = [];
	const reader = sections.reader(".debug_ranges", at);
	const largest = unit.addressBytes === 8 ? 2 ** 64 : 0xffffffff;
	let base = unitBase;
	for (;;) {
		budget.take();
		const start = reader.unsigned(unit.addressBytes);
		const end = reader.unsigned(unit.addressBytes);
		if (start === 0 && end === 0) return list;
		if (start === largest) base = end;
		else add(list, base + start, base + end);
	}
}

/** .debug_rnglists */
function rangeList(
	sections: DebugSections,
	form: number,
	value: number,
	unit: UnitFormat,
	bases: UnitBases,
	unitBase: number,
	budget: RangeBudget,
): number[] {
	let at = value;
	if (form === Form.rnglistx) {
		const bytes = unit.wide ? 8 : 4;
		at =
			bases.rangeLists + sections.reader(".debug_rnglists", bases.rangeLists + value * bytes).unsigned(bytes);
	}
	const list: number[] = [];
	const reader = sections.reader(".debug_rnglists", at);
	const address = () => reader.unsigned(unit.addressBytes);
	const indexed = () => sections.indexedAddress(reader.uleb(), unit, bases);
	let base = unitBase;
	for (;;) {
		budget.take();
		switch (reader.u8()) {
			case 0: // DW_RLE_end_of_list
				return list;
			case 1: // DW_RLE_base_addressx
				base = indexed();
				break;
			case 2: // DW_RLE_startx_endx
				add(list, indexed(), indexed());
				break;
			case 3: {
				// DW_RLE_startx_length
				const start = indexed();
				add(list, start, start + reader.uleb());
				break;
			}
			case 4: {
				// DW_RLE_offset_pair
				const start = base + reader.uleb();
				add(list, start, base + reader.uleb());
				break;
			}
			case 5: // DW_RLE_base_address
				base = address();
				break;
			case 6: {
				// DW_RLE_start_end
				const start = address();
				add(list, start, address());
				break;
			}
			case 7: {
				// DW_RLE_start_length
				const start = address();
				add(list, start, start + reader.uleb());
				break;
			}
			default:
				throw new Malformed();
		}
	}
}
