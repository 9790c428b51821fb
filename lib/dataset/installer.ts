import { type DatasetTable, viewSql } from "../schema/layout.ts";
import { createViewSql, type View } from "./view.ts";

/** Statements that look at the catalog itself: they must see every name. */
const looksAtCatalog =
	/\b(show|describe|desc|summarize|pragma|information_schema|duckdb_\w+|pg_\w+|export)\b/i;

/**
 * Creates the views of a dataset when a query first names them. Creating one reads the footers of its files, which
 * for all tables of many traces takes seconds.
 */
export class Installer {
	/** Lower-case name to its statement and to the text in which it names others. */
	private readonly pending = new Map<string, { readonly create: string; readonly uses: string }>();
	private last: Promise<void> = Promise.resolve();

	constructor(tables: readonly DatasetTable[], views: readonly View[], root: string) {
		for (const t of tables)
			this.pending.set(t.name.toLowerCase(), { create: viewSql(t, `${root}/`), uses: "" });
		for (const v of views)
			this.pending.set(v.name.toLowerCase(), { create: createViewSql(v), uses: v.select });
	}

	/** Makes the names in `text` known, by `run`. Words that are no names of relations may cost, never harm. */
	install(text: string, run: (sql: string) => Promise<unknown>): Promise<void> {
		// One at a time: two connections that create the same view at once would conflict.
		const next = this.last.then(() => this.installNow(text, run));
		this.last = next.catch(() => undefined);
		return next;
	}

	private async installNow(text: string, run: (sql: string) => Promise<unknown>): Promise<void> {
		const wanted: string[] = [];
		const want = (name: string) => {
			const entry = this.pending.get(name);
			if (entry === undefined || wanted.includes(name)) return;
			for (const used of words(entry.uses)) if (used !== name) want(used);
			// What it uses comes first.
			wanted.push(name);
		};
		for (const name of looksAtCatalog.test(text) ? [...this.pending.keys()] : words(text)) want(name);
		for (const name of wanted) {
			await run((this.pending.get(name) as { create: string }).create);
			this.pending.delete(name);
		}
	}
}

function words(text: string): Set<string> {
	return new Set(text.toLowerCase().match(/[a-z_][a-z0-9_]*/g));
}
