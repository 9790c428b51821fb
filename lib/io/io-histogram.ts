import type { Dataset } from "../dataset/dataset.ts";
import { began } from "../dataset/definitions.ts";
import { fragment } from "../dataset/fragment.ts";
import { type HistogramBin, type HistogramRow, histogramOf, histogramQuery } from "../dataset/histogram.ts";
import type { NotRecorded } from "../dataset/needs.ts";
import { answer, type QueryParameters } from "../dataset/scope.ts";
import { whereSql } from "../dataset/where.ts";
import { ioNeeds } from "./device-latency.ts";

export interface DeviceHistogram {
	readonly device: string;
	readonly bins: readonly HistogramBin[];
}

/**
 * Service times (issued to completed) of the requests that were first seen in the window, by device, the most
 * requests first. Conditions: thread, process, name (of the submitter), cpu, device.
 */
export function serviceHistograms(
	ds: Dataset,
	parameters?: QueryParameters,
): Promise<DeviceHistogram[] | NotRecorded> {
	return answer(ds, parameters, ioNeeds, async (scope) => {
		const where = whereSql(scope.where, {
			thread: "tid",
			process: "tgid",
			name: "name",
			cpu: "cpu",
			device: "device",
		});
		const own = fragment`FROM io_request WHERE trace = ${scope.trace} AND ${began(scope.window)} AND NOT merged AND service_ns IS NOT NULL AND ${where}`;
		const devices = await ds.rows<{ device: string }>(
			fragment`SELECT device ${own} GROUP BY device ORDER BY count(*) DESC, device`,
			scope.options,
		);
		const histograms: DeviceHistogram[] = [];
		for (const { device } of devices)
			histograms.push({
				device,
				bins: histogramOf(
					await ds.rows<HistogramRow>(
						histogramQuery(fragment`SELECT service_ns AS ns ${own} AND device = ${device}`),
						scope.options,
					),
				),
			});
		return histograms;
	});
}
