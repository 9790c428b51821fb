import { statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type DatasetNames, datasetNames, declaredNames, type NamedTables } from "../language/names.ts";

/** What a `%%sql` cell needs of lib/dataset's Dataset. */
export interface SessionDataset extends DatasetNames {
	readonly root: string;
	query(text: string, values?: readonly never[], options?: { limit?: number }): Promise<QueryResult>;
}

export interface QueryResult {
	readonly columns: readonly { readonly name: string; readonly type: string }[];
	readonly rowCount: number;
}

interface Library {
	openDataset(path: string): Promise<SessionDataset>;
	/** The one that was opened last, by a cell too; else the default one. */
	currentDataset(): Promise<SessionDataset>;
}

/** The dataset of `%%sql` cells: the one of `` sql`…` `` in TypeScript cells. */
export class Datasets {
	private current: { readonly dataset: SessionDataset; readonly state: number } | undefined;

	constructor(private readonly root: string) {}

	/** @throws PowerkiError if there is none, or it cannot be read */
	async open(): Promise<SessionDataset> {
		// The same module as `import … from "powerki"` in cells; loaded here because it brings DuckDB.
		const file = createRequire(join(this.root, "package.json")).resolve("powerki");
		const library = (await import(pathToFileURL(file).href)) as Library;
		let dataset = await library.currentDataset();
		const state = stateOf(dataset.root);
		// Traces were collected or removed since: its views name files of then.
		if (this.current?.dataset === dataset && this.current.state !== state)
			dataset = await library.openDataset(dataset.root);
		this.current = { dataset, state };
		return dataset;
	}

	/** What queries can name: of the open dataset, else of the schema. */
	names(): NamedTables {
		return this.current === undefined ? declaredNames() : datasetNames(this.current.dataset);
	}
}

/** Changes when a manifest is written or removed: they are renamed into their folder. */
function stateOf(root: string): number {
	try {
		return statSync(join(root, "_traces")).mtimeMs;
	} catch {
		return Number.NaN;
	}
}
