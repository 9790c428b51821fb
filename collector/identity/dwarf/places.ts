/** Files, lines and inlined calls of addresses. */
import type { InlinedCall, SourcePlace } from "../binary.ts";
import type { ElfSections } from "../symbols/elf.ts";
import { BoundedCache } from "./bounded-cache.ts";
import { DebugSections } from "./forms.ts";
import { Functions } from "./functions.ts";
import { LineTable, maxFiles } from "./line-table.ts";
import { orNull } from "./reader.ts";
import { type Unit, Units } from "./units.ts";

/** Kept rows of line tables (16 bytes each), of all units. */
const keptRows = 1 << 22;
/** Characters of all kept paths. */
const keptPathLength = 1 << 22;

/**
 * null if the file has no debug information. Sections, but for the abbreviations, are read when the first place is asked
 * for; addresses are of the file, and of the instruction (for a return address, one less).
 */
export function openPlaces(elf: ElfSections): { place(address: number): SourcePlace | null } | null {
	const sections = new DebugSections(elf);
	return sections.bytes(".debug_abbrev") ? new Places(sections) : null;
}

class Places {
	readonly #sections: DebugSections;
	readonly #units: Units;
	readonly #functions: Functions;
	readonly #lines = new BoundedCache<LineTable | null>(keptRows, (table) => 256 + (table?.size ?? 0));
	readonly #paths = new BoundedCache<string | null>(keptPathLength, (path) => 64 + (path?.length ?? 0));

	constructor(sections: DebugSections) {
		this.#sections = sections;
		this.#units = new Units(sections);
		this.#functions = new Functions(sections, this.#units);
	}

	place(address: number): SourcePlace | null {
		return orNull(() => this.#place(address));
	}

	#place(address: number): SourcePlace | null {
		const unit = this.#units.covering(address);
		if (!unit) return null;
		const table = this.#lineTable(unit);
		const row = table?.find(address) ?? null;
		const calls = this.#functions.inlinedAt(unit, address);
		if (!row && !calls) return null;
		const at = (file: number, line: number) => ({
			file: table && file < maxFiles ? this.#path(unit, table, file) : null,
			// 0: no line of the source
			line: line > 0 ? line : null,
		});
		let place = row ? at(row.file, row.line) : { file: null, line: null };
		const inlined: InlinedCall[] = [];
		for (const call of (calls ?? []).toReversed()) {
			const name = this.#functions.name(call.origin) ?? "[unknown]";
			inlined.push({ name, file: place.file, line: place.line });
			place = at(call.callFile, call.callLine);
		}
		const { file, line } = place;
		return file === null && line === null && inlined.length === 0 ? null : { file, line, inlined };
	}

	/** The same text for each place in a file. */
	#path(unit: Unit, table: LineTable, file: number): string | null {
		return this.#paths.get(unit.start * maxFiles + file, () => table.path(file));
	}

	#lineTable(unit: Unit): LineTable | null {
		if (Number.isNaN(unit.lines)) return null;
		// units may share a table, but relative names start from a unit's own directory
		return this.#lines.get(unit.start, () => orNull(() => new LineTable(this.#sections, unit)));
	}
}
