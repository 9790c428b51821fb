import type { Dataset } from "../dataset/dataset.ts";
import { began } from "../dataset/definitions.ts";
import { fragment } from "../dataset/fragment.ts";
import { type HistogramBin, type HistogramRow, histogramOf, histogramQuery } from "../dataset/histogram.ts";
import type { NotRecorded } from "../dataset/needs.ts";
import { answer, type QueryParameters } from "../dataset/scope.ts";
import { whereSql } from "../dataset/where.ts";
import { runQueueNeeds } from "./run-queue.ts";

/** Lengths of the waits for a CPU that began in the window. Conditions: thread, process, name, cpu (on whose queue). */
export function runQueueHistogram(
	ds: Dataset,
	parameters?: QueryParameters,
): Promise<HistogramBin[] | NotRecorded> {
	return answer(ds, parameters, runQueueNeeds, async (scope) =>
		histogramOf(
			await ds.rows<HistogramRow>(
				histogramQuery(
					fragment`SELECT dur AS ns FROM run_queue_wait WHERE trace = ${scope.trace} AND ${began(scope.window)}
	AND ${whereSql(scope.where, { thread: "tid", process: "tgid", name: "name", cpu: "cpu" })}`,
				),
				scope.options,
			),
		),
	);
}
