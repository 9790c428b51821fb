/**
 * A report is a document: content only. Terminal, notebook and published HTML render it; nobody formats twice.
 */
import type { Figure } from "../figures/figure.ts";

export type Value = number | bigint | string | boolean | null;

/** How a column's or number's values are to be read; renderers choose unit and decimals (look.md §4). */
export type Quantity =
	| "name" // a word or a name from the trace: escaped
	| "code" // monospaced: addresses, symbols, commands
	| "count"
	| "ns" // duration
	| "stamp" // ns since the start of the trace
	| "percent" // 0..100
	| "bytes"
	| "per_second"
	| "number"
	| "text";

export interface TableColumn {
	readonly key: string;
	readonly label: string;
	readonly quantity: Quantity;
	/** Bar behind the number: share of the column's maximum, or of 100 %. */
	readonly bar?: "max" | "100";
	/** Tooltip of the head. */
	readonly doc?: string;
}

export interface TableBlock {
	readonly kind: "table";
	/** What a row is, how many exist, how they are chosen. */
	readonly caption: string;
	readonly columns: readonly TableColumn[];
	/** Values by column key. null = unknown; the string "-" in a number column = no such value. */
	readonly rows: readonly Readonly<Record<string, Value>>[];
	/** Indexes into rows of what is as it should be (thread joins, idle kernel threads, the recorder): shown grey. */
	readonly expected?: readonly number[];
	/** Key of the column that orders the rows, descending. */
	readonly sortedBy?: string;
	/** The last row is the sum of the rows that are not shown: no row of its own, and without a bar. */
	readonly others?: boolean;
	/** Sums of the rows, where the table claims to be complete. */
	readonly total?: Readonly<Record<string, Value>>;
	/** Rows that exist; more than are shown where the table is cut. */
	readonly available: number;
	/** The SQL that gives all rows. */
	readonly query?: string;
}

export interface TextBlock {
	readonly kind: "text";
	readonly text: string;
}

export interface FigureBlock {
	readonly kind: "figure";
	readonly figure: Figure;
	/** The same data as a table, shown folded below. */
	readonly data?: TableBlock;
}

/** Why there is nothing (or not all) to show: never an empty chart (look.md §7). */
export interface NoticeBlock {
	readonly kind: "notice";
	readonly reason: "not-recorded" | "none" | "filtered" | "not-in-window" | "lost" | "not-computable";
	readonly title: string;
	readonly text: string;
	/** What to type to get it. */
	readonly remedy?: string;
}

export type Block = TableBlock | TextBlock | FigureBlock | NoticeBlock;

export interface Section {
	/** Stable, lower-case. */
	readonly id: string;
	readonly title: string;
	readonly blocks: readonly Block[];
}

export interface KeyNumber {
	readonly label: string;
	readonly value: Value;
	readonly quantity: Quantity;
	/** "of 8.05 CPU·s" */
	readonly base: string;
}

/** What DESIGN calls the statement: enough to make the report again and to judge it. */
export interface Statement {
	readonly traces: readonly {
		readonly trace: string;
		readonly source: string;
		readonly sha256: string;
		readonly machine: string;
		readonly kernel: string;
		readonly clock: string;
		readonly startTs: bigint;
		readonly endTs: bigint;
		readonly events: bigint;
		readonly lostEvents: bigint | null;
		/** CPUs that were not observed for the whole window, with the observed share. */
		/** CPUs that have records; 0 where the records do not tell their CPU. */
		readonly cpusSeen: number;
		readonly unobserved: readonly { readonly cpu: number; readonly observedPercent: number }[];
	}[];
	readonly versions: Readonly<Record<string, string>>;
	readonly parameters: Readonly<Record<string, string>>;
	/** Definitions used: name -> one sentence. */
	readonly definitions: Readonly<Record<string, string>>;
	/** The command that makes the report again. */
	readonly command: string;
}

export interface Report {
	/** Name on the command line, such as run-queue. */
	readonly name: string;
	/** The answer in one sentence, with the subject by name. */
	readonly title: string;
	/** The number behind the title, its base, the next step. */
	readonly lead: string;
	readonly keyNumbers: readonly KeyNumber[];
	readonly recorded: {
		readonly seen: readonly string[];
		readonly none: readonly string[];
		readonly missing: readonly string[];
	};
	readonly sections: readonly Section[];
	/** import_note rows that concern this report. */
	readonly notes: readonly string[];
	readonly statement: Statement;
}
