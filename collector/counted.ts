/** Numbers as the summaries of collect and symbolize print them. */

/** Digits in groups of three. */
export const group = (n: number | bigint): string => String(n).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");

export const plural = (n: number, one: string, more = `${one}s`): string =>
	`${group(n)} ${n === 1 ? one : more}`;
