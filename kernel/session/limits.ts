/** Characters of stdout and stderr that one cell may print: Jupyter's server drops what comes faster than 1 MB/s. */
export const maxStreamLength = 1_000_000;
/** Characters of text that one output may show. */
export const maxTextLength = 1_000_000;
/** Bytes of one form (HTML, SVG, a chart with its data) of an output; a larger one is left out. */
export const maxFormBytes = 8_000_000;
/** ms during which writes to one stream are joined into one message. */
export const joinTime = 15;
