/** The table `lost`: gaps in what each CPU recorded. */
import type { Row } from "../../lib/schema/column.ts";
import { lost } from "../../lib/schema/derived.ts";
import type { Derivation, DeriveContext, TableWriter } from "./derivation.ts";

export class Lost implements Derivation {
	readonly events = {};
	readonly #timed: boolean;
	readonly #out: TableWriter<typeof lost>;
	readonly #row: Row<typeof lost> = { ts: 0, dur: 0, cpu: 0, events: 0 };

	constructor(context: DeriveContext) {
		this.#timed = context.timed;
		this.#out = context.table(lost);
	}

	lost(cpu: number, from: number, to: number, count: number): void {
		const row = this.#row;
		row.ts = from;
		row.dur = this.#timed ? to - from : Number.NaN;
		row.cpu = cpu;
		row.events = count;
		this.#out.append(row);
	}

	finish(): void {}
}
