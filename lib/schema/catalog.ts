import type { Table } from "./column.ts";
import { derivedTables } from "./derived.ts";
import { eventTables } from "./events.ts";
import { identityTables } from "./identity.ts";

/** Every table of a dataset that powerki declares. Tracepoints without a declaration get a table of their own too. */
export const catalog: ReadonlyMap<string, Table> = new Map(
	[...identityTables, ...derivedTables, ...eventTables].map((t) => [t.name, t as Table]),
);
