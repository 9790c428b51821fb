/** All reports by name: the command line, notebooks and tests find them here. */
import type { Dataset } from "../dataset/dataset.ts";
import { nearest } from "../dataset/nearest.ts";
import { exitCode, PowerkiError } from "../schema/errors.ts";
import type { ProfileParameters } from "../stacks/sampled.ts";
import { cpuProfile } from "./cpu-profile.ts";
import { cpuUsage } from "./cpu-usage.ts";
import { disk } from "./disk.ts";
import type { Report } from "./document.ts";
import { futex } from "./futex.ts";
import type { ReportModule } from "./report.ts";
import { runQueue } from "./run-queue.ts";
import { waits } from "./waits.ts";

/** In the order in which `all` makes them. */
export const reports: readonly ReportModule[] = [cpuUsage, runQueue, waits, cpuProfile, futex, disk];

/** @throws PowerkiError (usage) with the nearest name and the list, for a name that is none */
export function reportNamed(name: string): ReportModule {
	const found = reports.find((r) => r.name === name);
	if (found !== undefined) return found;
	const near = nearest(name, [...reports.map((r) => r.name), "all"]);
	throw new PowerkiError(exitCode.usage, `there is no report “${name}”`, [
		...(near === null ? [] : [`did you mean: ${near}`]),
		`reports: ${reports.map((r) => r.name).join(", ")}, all`,
	]);
}

/** Parameters of reports; a module's `parameters` says which it takes. */
export type ReportParameters = ProfileParameters;

/**
 * Makes one report, or for "all" each of them in order, with the parameters that it takes.
 * @throws PowerkiError (usage) for an unknown name or a wrong parameter, and where several traces could be meant
 */
export async function runReport(
	name: string,
	ds: Dataset,
	parameters: ReportParameters = {},
): Promise<Report[]> {
	if (name !== "all") return [await report(name, ds, parameters)];
	const { event: _event, ...common } = parameters;
	const made: Report[] = [];
	for (const module of reports)
		made.push(await module.build(ds, module.parameters.includes("event") ? parameters : common));
	return made;
}

/** Makes one report, as a cell of a notebook does. */
export async function report(name: string, ds: Dataset, parameters: ReportParameters = {}): Promise<Report> {
	const module = reportNamed(name);
	if (parameters.event !== undefined && !module.parameters.includes("event"))
		throw new PowerkiError(exitCode.usage, `the report ${name} has no parameter “event”`, [
			`its parameters: ${module.parameters.join(", ")}`,
		]);
	return module.build(ds, parameters);
}
