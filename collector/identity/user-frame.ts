/** The frame of a user address: in the file that is mapped there, or in the memory of its process alone. */
import type { AddressSpace, Area } from "./address-space.ts";
import { type FrameTable, isAnonymous } from "./frames.ts";

/** Number of the frame at an address whose mapping was found; null: none is known there. */
export function userFrame(
	frames: FrameTable,
	space: AddressSpace,
	area: Area | null,
	lo: number,
	hi: number,
): number {
	if (area !== null && area.region >= 0) return frames.of(area.region, lo, hi);
	if (area === null || isAnonymous(area.name))
		return frames.of(frames.memory(space.tgid, area === null ? null : area.name), lo, hi);
	area.region = frames.file(area.name, area.buildId, area.bias);
	return frames.of(area.region, lo, hi);
}
