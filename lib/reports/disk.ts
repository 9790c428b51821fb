import type { Scope } from "../dataset/scope.ts";
import { group, percent, sentence } from "../figures/numbers.ts";
import {
	type DeviceBusy,
	type DeviceLatency,
	type DeviceTotal,
	deviceBusy,
	deviceLatency,
	deviceTotals,
	ioNeeds,
	type SubmitterLatency,
	submitterLatency,
} from "../io/device-latency.ts";
import { type DeviceHistogram, serviceHistograms } from "../io/io-histogram.ts";
import type { Block, Section, TableBlock, TableColumn } from "./document.ts";
import { defineReport } from "./frame.ts";
import { histogramBlocks } from "./histogram-block.ts";
import { noneNotice, nothing, present } from "./nothing.ts";
import { recorded } from "./recorded.ts";
import { counted, share, spreadCells, spreadColumnsOf, threadName, withTotal } from "./subject.ts";

const sections = {
	devices: "Which devices, how busy?",
	latency: "How slow, for which operation?",
	queue: "Waiting in the queue, or at the device?",
	distribution: "How long does the device take?",
	submitters: "For whom?",
} as const;

export const disk = defineReport({
	name: "disk",
	question: "which device, how slow, for whom?",
	linuxki: "kidsk",
	needs: ioNeeds,
	events: [
		"block_rq_issue",
		"block_rq_complete",
		"block_bio_queue",
		"block_getrq",
		"block_rq_insert",
		"block_bio_backmerge",
		"block_bio_frontmerge",
		"block_rq_requeue",
		"block_bio_remap",
	],
	where: ["thread", "process", "name", "cpu", "device"],
	definitions: ["queue time", "service time", "submitter"],
	record: [
		"block_bio_queue",
		"block_getrq",
		"block_rq_insert",
		"block_rq_issue",
		"block_rq_complete",
		"block_bio_backmerge",
		"block_bio_frontmerge",
		"block_rq_requeue",
		"block_bio_remap",
	],
	sections,
	async find(ds, scope, parameters) {
		const { top: _top, ...all } = parameters;
		const top = scope.top as number;
		const devices = recorded(await deviceTotals(ds, all));
		if (devices.length === 0) return nothing(scope, sections, "No disk I/O", "Block requests");
		const operations = recorded(await deviceLatency(ds, all));
		// Conditions on threads would leave out requests that keep a device busy.
		const busy = scope.where === undefined ? recorded(await deviceBusy(ds, all)) : null;
		const histograms = recorded(await serviceHistograms(ds, all));
		const submitters = recorded(await submitterLatency(ds, all));

		const result: Section[] = [
			{ id: "devices", title: sections.devices, blocks: [deviceTable(devices, busy, scope, top)] },
			{ id: "latency", title: sections.latency, blocks: [operationTable(operations, top)] },
			{ id: "queue", title: sections.queue, blocks: [queueTable(operations, top)] },
			{
				id: "distribution",
				title: sections.distribution,
				blocks: present(distributions(histograms, top), scope, "Completed block requests"),
			},
			{
				id: "submitters",
				title: sections.submitters,
				blocks:
					submitters.length === 0 ? [noneNotice(scope, "Block requests")] : [submitterTable(submitters, top)],
			},
		];
		const n = devices.reduce((sum, d) => sum + d.n, 0);
		const bytes = devices.reduce((sum, d) => sum + d.bytes, 0);
		const errors = devices.reduce((sum, d) => sum + d.errors, 0);
		const main = devices.reduce((a, b) => (b.serviceNs > a.serviceNs ? b : a));
		const service = devices.reduce((sum, d) => sum + d.serviceNs, 0);
		const queue = devices.reduce((sum, d) => sum + d.queueNs, 0);
		const mainBusy = busy?.find((b) => b.device === main.device);
		const first = byThread(submitters)[0];
		return {
			title: titleOf(main),
			lead: [
				mainBusy === undefined
					? ""
					: `It is busy for ${percent(mainBusy.busyNs, scope.window.ns)} of ${sentence(scope.window.ns, "ns")}, with ${sentence(mainBusy.busyNs === 0 ? 0 : mainBusy.inFlightNs / mainBusy.busyNs, "number")} requests at once while busy (at most ${group(mainBusy.maxDepth)}).`,
				queue + service === 0
					? ""
					: `Of the time of all requests ${percent(queue, queue + service)} is waiting in the queue, ${percent(service, queue + service)} is at the device.`,
				first === undefined
					? ""
					: `${first.name} submits the most: ${counted(first.n, "request")}, ${sentence(first.bytes, "bytes")}.`,
				"Next: powerki report waits shows which threads sleep for it.",
			]
				.filter((s) => s !== "")
				.join(" "),
			keyNumbers: [
				{
					label: "requests",
					value: n,
					quantity: "count",
					base: `to ${counted(devices.length, "device")}; ${counted(
						devices.reduce((sum, d) => sum + d.merged, 0),
						"bio",
					)} merged into them`,
				},
				{ label: "data", value: bytes, quantity: "bytes", base: `in ${sentence(scope.window.ns, "ns")}` },
				{
					label: "slow request",
					value: main.service.p99 === "-" ? main.service.max : main.service.p99,
					quantity: "ns",
					base: `${main.service.p99 === "-" ? "longest" : "p99"} service of ${counted(main.service.n, "request")} to ${main.device}`,
				},
				{
					label: "in the queue",
					value: share(queue, queue + service),
					quantity: "percent",
					base: `of ${sentence(queue + service, "ns")} of all requests together`,
				},
				{ label: "errors", value: errors, quantity: "count", base: `of ${counted(n, "request")}` },
			],
			sections: result,
		};
	},
});

function titleOf({ device, n, service }: DeviceTotal): string {
	const of = `(${counted(service.n, "request")})`;
	if (service.n === 0)
		return `${device} got ${counted(n, "request")}, and none was seen from issue to completion`;
	if (service.p50 === "-") return `${device} takes ${sentence(service.max, "ns")} at most ${of}`;
	return service.p99 === "-"
		? `${device} takes ${sentence(service.p50, "ns")} for a typical request, ${sentence(service.max, "ns")} at most ${of}`
		: `${device} takes ${sentence(service.p50, "ns")} for a typical request and ${sentence(service.p99, "ns")} for a slow one ${of}`;
}

interface Submitter {
	readonly name: string;
	n: number;
	bytes: number;
}

function byThread(rows: readonly SubmitterLatency[]): Submitter[] {
	const map = new Map<number, Submitter>();
	for (const r of rows) {
		if (r.utid === null) continue;
		const s = map.get(r.utid) ?? { name: threadName(r), n: 0, bytes: 0 };
		s.n += r.n;
		s.bytes += r.bytes;
		map.set(r.utid, s);
	}
	return [...map.values()].sort((a, b) => b.n - a.n);
}

const deviceColumn: TableColumn = { key: "device", label: "device", quantity: "name" };
const counts: readonly TableColumn[] = [
	{ key: "n", label: "requests", quantity: "count" },
	{ key: "merged", label: "merged", quantity: "count", doc: "Bios that were merged into these requests" },
	{ key: "bytes", label: "data", quantity: "bytes" },
];

function deviceTable(
	devices: readonly DeviceTotal[],
	busy: readonly DeviceBusy[] | null,
	scope: Scope,
	top: number,
): TableBlock {
	const seconds = scope.window.ns / 1e9;
	return {
		kind: "table",
		caption: `a row is a device; ${counted(devices.length, "device")}, the most requests first${busy === null ? "; busy time is not given under a condition" : "; busy: at least one request at the device"}`,
		sortedBy: "n",
		...withTotal(
			[
				deviceColumn,
				...counts,
				{ key: "rate", label: "rate", quantity: "per_second" },
				{ key: "byteRate", label: "data/s", quantity: "bytes" },
				...(busy === null
					? []
					: ([
							{ key: "busy", label: "busy", quantity: "percent", bar: "100", doc: "Of the window" },
							{ key: "depth", label: "in flight", quantity: "number", doc: "Mean while busy" },
							{ key: "most", label: "most", quantity: "count", doc: "Most requests at the device at once" },
						] as const)),
				{ key: "errors", label: "errors", quantity: "count" },
				{ key: "open", label: "not ended", quantity: "count", doc: "Requests whose completion was not seen" },
			],
			{
				rows: devices.map((d) => {
					const b = busy?.find((x) => x.device === d.device);
					return {
						device: d.device,
						n: d.n,
						merged: d.merged,
						bytes: d.bytes,
						rate: seconds === 0 ? "-" : d.n / seconds,
						byteRate: seconds === 0 ? "-" : Math.round(d.bytes / seconds),
						busy: b === undefined ? "-" : share(b.busyNs, scope.window.ns),
						depth: b === undefined || b.busyNs === 0 ? "-" : b.inFlightNs / b.busyNs,
						most: b === undefined ? "-" : b.maxDepth,
						errors: d.errors,
						open: d.open,
					};
				}),
				top,
				sums: ["n", "merged", "bytes", "rate", "byteRate", "errors", "open"],
				row: "device",
			},
		),
	};
}

function operationTable(operations: readonly DeviceLatency[], top: number): TableBlock {
	return {
		kind: "table",
		caption: `a row is a device and an operation (R read, W write, D discard, F flush); times from queued, where that was seen, to completed; ${counted(operations.length, "row")}`,
		sortedBy: "requests",
		...withTotal(
			[
				deviceColumn,
				{ key: "op", label: "op", quantity: "name" },
				{ key: "requests", label: "requests", quantity: "count" },
				{ key: "bytes", label: "data", quantity: "bytes" },
				...spreadColumnsOf("timed"),
			],
			{
				rows: operations.map((o) => ({
					device: o.device,
					op: o.op,
					requests: o.n,
					bytes: o.bytes,
					...spreadCells(o.total, o.total.mean === "-" ? 0 : o.total.mean * o.total.n),
				})),
				top,
				sums: ["requests", "bytes", "n", "total"],
				row: "row",
			},
		),
		query:
			"SELECT device, op, count(*) AS requests, avg(queue_ns) AS queue_ns, avg(service_ns) AS service_ns, max(service_ns) AS max_ns FROM io_request WHERE NOT merged GROUP BY ALL ORDER BY requests DESC",
	};
}

function queueTable(operations: readonly DeviceLatency[], top: number): TableBlock {
	const time = (prefix: string, label: string): TableColumn[] => [
		{ key: `${prefix}n`, label: `${label} n`, quantity: "count" },
		{ key: `${prefix}total`, label: `${label} total`, quantity: "ns", bar: "max" },
		{ key: `${prefix}p50`, label: "p50", quantity: "ns" },
		{ key: `${prefix}p99`, label: "p99", quantity: "ns" },
		{ key: `${prefix}max`, label: "max", quantity: "ns" },
	];
	const totalOf = (s: DeviceLatency["queue"]) => (s.mean === "-" ? 0 : s.mean * s.n);
	return {
		kind: "table",
		caption:
			"a row is a device and an operation: time before the request is given to the driver (queue), and from there to completion (service)",
		...withTotal(
			[
				{ key: "device", label: "device, op", quantity: "name" },
				...time("q_", "queue"),
				...time("s_", "service"),
			],
			{
				rows: operations.map((o) => ({
					device: `${o.device} ${o.op}`,
					...spreadCells(o.queue, totalOf(o.queue), "q_"),
					...spreadCells(o.service, totalOf(o.service), "s_"),
				})),
				top,
				sums: ["q_n", "q_total", "s_n", "s_total"],
				row: "row",
			},
		),
	};
}

function distributions(histograms: readonly DeviceHistogram[], top: number): Block[] {
	return histograms.slice(0, top).flatMap(({ device, bins }) =>
		histogramBlocks(bins, {
			one: "request",
			many: "requests",
			what: `service times of requests to ${device}`,
			time: `service time of ${device}`,
		}),
	);
}

function submitterTable(submitters: readonly SubmitterLatency[], top: number): TableBlock {
	const serviceTotal = (s: SubmitterLatency) => (s.service.mean === "-" ? 0 : s.service.mean * s.service.n);
	return {
		kind: "table",
		caption: `a row is a thread that queued requests to a device, by operation; ${counted(submitters.length, "row")}, the most requests first; times are service times; not seen: the kernel sends flushes itself`,
		sortedBy: "requests",
		...withTotal(
			[
				{ key: "thread", label: "thread", quantity: "name" },
				deviceColumn,
				{ key: "op", label: "op", quantity: "name" },
				{ key: "requests", label: "requests", quantity: "count" },
				{ key: "bytes", label: "data", quantity: "bytes" },
				...spreadColumnsOf("timed").filter((c) => c.key !== "n"),
			],
			{
				rows: submitters.map((s) => ({
					thread: s.utid === null ? "not seen" : threadName(s),
					device: s.device,
					op: s.op,
					requests: s.n,
					bytes: s.bytes,
					...spreadCells(s.service, serviceTotal(s)),
				})),
				top,
				sums: ["requests", "bytes", "total"],
				row: "row",
			},
		),
	};
}
