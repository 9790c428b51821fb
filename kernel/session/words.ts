import type { CompletionInfo } from "tslab/dist/converter.js";
import { type Cell, parseCell } from "../language/cell.ts";
import { completeSql, inspectSql, sqlTemplate } from "../language/sql-words.ts";
import type { Datasets } from "./dataset.ts";
import type { CompleteReply, InspectReply, IsCompleteReply } from "./messages.ts";
import type { Tslab } from "./tslab.ts";

/** Names that a completion offers at most: the dialog cannot show more, and the globals are hundreds. */
const maxMatches = 500;

/** Completion, inspection and "is it complete", by the language at the cursor. */
export class Words {
	constructor(
		private readonly tslab: Tslab,
		private readonly datasets: Datasets,
	) {}

	complete(code: string, position: number): CompleteReply {
		const sql = this.sqlAt(code, position);
		if (sql !== undefined) {
			const reply = completeSql(sql.query, position - sql.offset, this.datasets.names());
			return { ...reply, start: reply.start + sql.offset, end: reply.end + sql.offset };
		}
		let info: CompletionInfo;
		try {
			info = this.tslab.executor.complete(code, position);
		} catch {
			// The compiler stumbles over some half-written code: nothing to offer.
			return { matches: [], start: position, end: position, types: [] };
		}
		const kinds = new Map(info.original?.entries.map((entry) => [entry.name, String(entry.kind)]));
		const matches = info.candidates.slice(0, maxMatches);
		return {
			matches,
			start: info.start,
			end: info.end,
			types: matches.map((text) => ({ text, type: kinds.get(text) ?? "" })),
		};
	}

	inspect(code: string, position: number): InspectReply {
		const sql = this.sqlAt(code, position);
		if (sql !== undefined) return inspectSql(sql.query, position - sql.offset, this.datasets.names());
		try {
			const info = this.tslab.executor.inspect(code, position);
			if (info === undefined) return { found: false, data: {} };
			const text = this.tslab.quickInfo(info);
			return text === "" ? { found: false, data: {} } : { found: true, data: { "text/plain": text } };
		} catch {
			return { found: false, data: {} };
		}
	}

	isComplete(cell: Cell, code: string): IsCompleteReply {
		if (cell.language === "unknown") return { status: "invalid" };
		if (cell.language === "sql")
			return /;\s*$|\n\s*$/.test(cell.query) ? { status: "complete" } : { status: "incomplete", indent: "" };
		const { completed, indent } = this.tslab.isComplete(code);
		return completed ? { status: "complete" } : { status: "incomplete", indent: indent ?? "" };
	}

	private sqlAt(code: string, position: number): { query: string; offset: number } | undefined {
		const cell = parseCell(code);
		if (cell.language === "typescript") return sqlTemplate(code, position);
		// The first line is the cell's, not the query's.
		return cell.language === "sql" && position >= cell.offset
			? { query: cell.query, offset: cell.offset }
			: undefined;
	}
}
