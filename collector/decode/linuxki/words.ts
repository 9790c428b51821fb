/** 64-bit words as doubles; beyond 2^53 they are rounded. */

export function signed64(view: DataView, at: number, littleEndian: boolean): number {
	const high = view.getInt32(at + (littleEndian ? 4 : 0), littleEndian);
	return high * 0x1_0000_0000 + view.getUint32(at + (littleEndian ? 0 : 4), littleEndian);
}

export function unsigned64(view: DataView, at: number, littleEndian: boolean): number {
	const high = view.getUint32(at + (littleEndian ? 4 : 0), littleEndian);
	return high * 0x1_0000_0000 + view.getUint32(at + (littleEndian ? 0 : 4), littleEndian);
}
