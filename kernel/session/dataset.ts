import { statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createRequire } from "node:module";
import { type DatasetNames, datasetNames, declaredNames, type NamedTables } from "../language/names.ts";

/** What a `%%sql` cell needs of lib/dataset's Dataset. */
export interface SessionDataset extends DatasetNames {
	readonly root: string;
	query(text: string, values?: readonly never[], options?: { limit?: number }): Promise<QueryResult>;
	close(): void;
}

export interface QueryResult {
	readonly columns: readonly { readonly name: string; readonly type: string }[];
	readonly rowCount: number;
}

interface Library {
	openDataset(path?: string): Promise<SessionDataset>;
}

/** The dataset of `%%sql` cells: opened by the first of them, and again when traces were collected since. */
export class Datasets {
	private opened: { dataset: SessionDataset; state: number } | undefined;

	constructor(private readonly root: string) {}

	async open(): Promise<SessionDataset> {
		if (this.opened !== undefined && this.opened.state === stateOf(this.opened.dataset.root)) return this.opened.dataset;
		// The same module as `import … from "powerki"` in cells; loaded here because it brings DuckDB.
		const file = createRequire(join(this.root, "package.json")).resolve("powerki");
		const library = (await import(pathToFileURL(file).href)) as Library;
		const dataset = await library.openDataset();
		this.opened?.dataset.close();
		this.opened = { dataset, state: stateOf(dataset.root) };
		return dataset;
	}

	/** What queries can name: of the open dataset, else of the schema. */
	names(): NamedTables {
		return this.opened === undefined ? declaredNames() : datasetNames(this.opened.dataset);
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
