/** Releases of the kernel as numbers that can be compared. */

/** `release` of uname ("3.10.0-1160.el7.x86_64"); null where it names no version. */
export function kernelVersion(release: string | null): number | null {
	const [, major, minor] = /^(\d{1,3})\.(\d{1,4})/.exec(release ?? "") ?? [];
	return major === undefined ? null : version(Number(major), Number(minor));
}

export function version(major: number, minor: number): number {
	return major * 10_000 + minor;
}
