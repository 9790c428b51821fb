/** `powerki report`: one report, or all, as text, JSON, CSV or HTML. */
import { openDataset } from "../dataset/dataset.ts";
import { runReport } from "../reports/registry.ts";
import { type ExitCode, exitCode, PowerkiError } from "../schema/errors.ts";
import { renderPage } from "./html.ts";
import { coloured, terminalOf } from "./ink.ts";
import { reportCsv, reportJson, reportsJson } from "./report-json.ts";
import { reportText } from "./terminal.ts";
import { topicViews } from "./topic-views.ts";

export const reportFormats = ["text", "json", "csv", "html"] as const;
export type ReportFormat = (typeof reportFormats)[number];

export interface ReportCommand {
	/** Name of a report, or "all". */
	readonly name: string;
	/** Folder of the dataset. */
	readonly dataset?: string;
	readonly trace?: string;
	readonly window?: string;
	readonly where?: string;
	readonly top?: number;
	/** Sampled event, for cpu-profile. */
	readonly event?: string;
	/** Default: text. */
	readonly format?: ReportFormat;
}

/** Writes to `out`. @throws PowerkiError (usage: name, parameters; unreadable: dataset; cellFailed: a report failed) */
export async function runReportCommand(
	command: ReportCommand,
	out: NodeJS.WriteStream = process.stdout,
): Promise<ExitCode> {
	const { name, dataset, format = "text", ...parameters } = command;
	if (format === "html" && name === "all")
		throw new PowerkiError(exitCode.usage, "html is one page for one report", [
			"name one report, or use --format text, json or csv",
		]);
	const ds = await openDataset(dataset, { views: topicViews });
	try {
		const reports = await runReport(name, ds, parameters);
		if (format === "json") out.write(name === "all" ? reportsJson(reports) : reportJson(reports[0]!));
		else if (format === "csv") out.write(reports.map(reportCsv).join("\n"));
		else if (format === "html")
			out.write(await renderPage({ title: reports[0]!.title, report: reports[0]! }));
		else {
			const { width, ink, ascii } = terminalOf(out);
			const options = { width, color: ink === coloured, ascii };
			out.write(reports.map((r) => reportText(r, options)).join("\n\n"));
		}
		return exitCode.done;
	} finally {
		ds.close();
	}
}
