import type { Manifest } from "../schema/manifest.ts";
import type { Dataset, QueryOptions } from "./dataset.ts";
import { parseWindow, type Window } from "./definitions.ts";
import { missing, type Needs, type NotRecorded } from "./needs.ts";
import { type Condition, parseWhere } from "./where.ts";

/** Parameters that every typed query takes. */
export interface QueryParameters {
	/** Trace id, its beginning, or the host; may be left out where the dataset has one trace. */
	readonly trace?: string;
	/** "A..B", seconds from the start of the trace; default: the whole trace. */
	readonly window?: string;
	/** Condition on thread, process, name, cpu, device. */
	readonly where?: string;
	/** At most so many rows, the largest first; default: all. */
	readonly top?: number;
	/** Stops the query. */
	readonly signal?: AbortSignal;
}

/** Parameters, understood. */
export interface Scope {
	readonly manifest: Manifest;
	readonly trace: string;
	readonly window: Window;
	readonly where: Condition | undefined;
	readonly top: number | undefined;
	/** For every query of the answer. */
	readonly options: QueryOptions;
}

/** @throws PowerkiError (usage) if a parameter is wrong */
export function scopeOf(ds: Dataset, parameters: QueryParameters = {}): Scope {
	const manifest = ds.manifest(parameters.trace);
	return {
		manifest,
		trace: manifest.trace,
		window: parseWindow(parameters.window, manifest),
		where:
			parameters.where === undefined || parameters.where.trim() === ""
				? undefined
				: parseWhere(parameters.where),
		top: parameters.top,
		options: parameters.signal === undefined ? {} : { signal: parameters.signal },
	};
}

/** Scope of a query and what it lacks: the beginning of every typed query. */
export async function answer<T>(
	ds: Dataset,
	parameters: QueryParameters | undefined,
	needs: Needs,
	rows: (scope: Scope) => Promise<T>,
): Promise<T | NotRecorded> {
	const scope = scopeOf(ds, parameters);
	return missing(scope.manifest, needs) ?? rows(scope);
}

/** The first `top` rows. */
export function topOf<T>(rows: readonly T[], top: number | undefined): T[] {
	return top === undefined ? [...rows] : rows.slice(0, top);
}
