/** Where a sample, and the trailer of the other records, keep what they carry. Source: perf_event.h, PERF_RECORD_SAMPLE and struct sample_id. */
import { type PerfAttr, sampleBit } from "./attr.ts";

/** Offsets from the start of a SAMPLE record; -1 = it has none. */
export interface SampleLayout {
	readonly id: number;
	readonly ip: number;
	readonly pid: number;
	readonly time: number;
	readonly addr: number;
	readonly cpu: number;
	readonly period: number;
	/** First byte behind the part of fixed size: values of counters, callchain, raw data, ... */
	readonly variable: number;
	/** The same for the trailer of other records, as distances from their end; -1 = it has none. */
	readonly trailer: {
		readonly bytes: number;
		readonly pid: number;
		readonly time: number;
		readonly id: number;
		readonly cpu: number;
	};
}

export function sampleLayout({ sampleType, sampleIdAll }: PerfAttr): SampleLayout {
	let at = 8;
	const take = (bit: number): number => {
		if ((sampleType & bit) === 0) return -1;
		at += 8;
		return at - 8;
	};
	const identifier = take(sampleBit.identifier);
	const ip = take(sampleBit.ip);
	const pid = take(sampleBit.tid);
	const time = take(sampleBit.time);
	const addr = take(sampleBit.addr);
	const plainId = take(sampleBit.id);
	take(sampleBit.streamId);
	const cpu = take(sampleBit.cpu);
	const period = take(sampleBit.period);
	return {
		id: identifier >= 0 ? identifier : plainId,
		ip,
		pid,
		time,
		addr,
		cpu,
		period,
		variable: at,
		trailer: trailerLayout(sampleIdAll ? sampleType : 0),
	};
}

function trailerLayout(sampleType: number): SampleLayout["trailer"] {
	const order = [
		sampleBit.tid,
		sampleBit.time,
		sampleBit.id,
		sampleBit.streamId,
		sampleBit.cpu,
		sampleBit.identifier,
	].filter((bit) => (sampleType & bit) !== 0);
	const distance = (bit: number): number => {
		const k = order.indexOf(bit);
		return k < 0 ? -1 : 8 * (order.length - k);
	};
	const identifier = distance(sampleBit.identifier);
	return {
		bytes: 8 * order.length,
		pid: distance(sampleBit.tid),
		time: distance(sampleBit.time),
		id: identifier > 0 ? identifier : distance(sampleBit.id),
		cpu: distance(sampleBit.cpu),
	};
}
