/** CSS of reports: `contentCss` for what a notebook and a page share, `pageCss` for the page around it. */
import { fonts, pageThemeCss } from "../figures/palette.ts";

/** Below `.pki`: card, table, figure, notice, numbers. Colours by variable. */
export const contentCss = `
.pki{color:var(--pki-text);font:14.5px/1.5 ${fonts.sans};font-variant-numeric:tabular-nums;--pki-bar:color-mix(in srgb,var(--pki-running) 24%,transparent)}
.pki h1{font-size:29px;line-height:1.2;letter-spacing:-.02em;margin:0 0 12px;max-width:26em;text-wrap:balance}
.pki h2{font-size:20px;line-height:1.25;letter-spacing:-.01em;margin:46px 0 8px;scroll-margin-top:12px}
.pki h3{font-size:15.5px;line-height:1.35;margin:28px 0 6px;scroll-margin-top:12px}
.pki p,.pki li{max-width:78ch}
.pki p{margin:0 0 10px}
.pki a{color:var(--pki-link);text-underline-offset:2px}
.pki :focus-visible{outline:2px solid var(--pki-link);outline-offset:2px;border-radius:3px}
.pki code,.pki pre{font-family:${fonts.mono};font-size:.92em}
.pki pre{font-size:12.3px;line-height:1.5;margin:0 0 8px;padding:10px 13px;overflow-x:auto;background:var(--pki-page);border:1px solid var(--pki-line);border-radius:7px;color:var(--pki-text)}
.pki pre code{font-size:1em}
.pki .pki-eyebrow+h2{margin-top:0}
.pki .pki-eyebrow{font-size:12.5px;color:var(--pki-text3);margin:0 0 6px}
.pki .pki-lead{font-size:16px;line-height:1.52;max-width:74ch;margin:0 0 16px;white-space:pre-line}
.pki .pki-card{background:var(--pki-card);border:1px solid var(--pki-line);border-radius:10px;margin:12px 0 14px;padding:14px 18px}
.pki .pki-kpis{display:grid;grid-template-columns:repeat(5,minmax(0,1fr));background:var(--pki-card);border:1px solid var(--pki-line);border-radius:10px;margin:18px 0 14px}
.pki .pki-kpis>div{padding:12px 16px;border-left:1px solid var(--pki-line)}
.pki .pki-kpis>div:first-child{border-left:0}
.pki .pki-kpis span{display:block}
.pki .pki-kpis .l{font-size:12.5px;color:var(--pki-text2)}
.pki .pki-kpis .v{font-size:24px;font-weight:640;line-height:1.3;letter-spacing:-.015em;overflow-wrap:anywhere}
.pki .pki-kpis small{font-size:14px;font-weight:500;color:var(--pki-text2)}
.pki .pki-kpis .d{font-size:12px;color:var(--pki-text3);line-height:1.35}
.pki .pki-facts{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:2px 26px;margin:0;font-size:13px}
.pki .pki-facts div{display:grid;grid-template-columns:68px minmax(0,1fr);gap:8px;padding:3px 0}
.pki .pki-facts dt{color:var(--pki-text3)}
.pki .pki-facts dd{margin:0;overflow-wrap:anywhere}
.pki .pki-recorded{display:flex;flex-wrap:wrap;gap:6px;margin:10px 0 0;padding:10px 0 0;border-top:1px solid var(--pki-line);list-style:none;font-size:12.5px}
.pki .pki-recorded li{max-width:100%;border:1px solid var(--pki-line);border-radius:20px;padding:1px 10px;color:var(--pki-text2);overflow-wrap:anywhere}
.pki .pki-recorded .seen span:first-child{color:var(--pki-better);font-weight:700}
.pki .pki-recorded .missing{border-style:dashed;color:var(--pki-text3)}
.pki .pki-scroll,.pki .pki-picture{overflow-x:auto}
.pki table{border-collapse:collapse;table-layout:auto;margin:0;font-size:13px}
.pki .pki-scroll .pki-table tbody tr{background:none}
.pki .pki-table{width:100%}
.pki caption{text-align:left;color:var(--pki-text2);font-size:13px;padding:0 0 6px}
.pki th,.pki td{padding:4px 10px;text-align:left;vertical-align:top;border-bottom:1px solid var(--pki-line);white-space:nowrap;background:transparent content-box;color:var(--pki-text)}
.pki .pki-table .wrap,.pki .pki-table .long{white-space:normal;overflow-wrap:anywhere;min-width:15em;max-width:34em}
.pki .pki-table .long{min-width:24em}
.pki .powerki-result td{white-space:normal;overflow-wrap:anywhere;min-width:6em;max-width:34em}
.pki th{font-weight:600}
.pki tbody th{font-weight:500}
.pki thead th{vertical-align:bottom;color:var(--pki-text2)}
.pki thead small{display:block;font-weight:400;font-size:11.5px;color:var(--pki-text3)}
.pki thead i{font-style:normal;font-size:10px}
.pki .n{text-align:right;white-space:nowrap}
.pki .none,.pki .expected :is(th,td){color:var(--pki-text3)}
.pki tfoot th,.pki tfoot td{font-weight:640;border-bottom:0;border-top:1px solid var(--pki-text3)}
.pki tbody tr:last-child>*{border-bottom:0}
.pki figure{margin:12px 0 16px}
.pki figcaption{margin:0 0 10px;font-size:13px;color:var(--pki-text2)}
.pki figcaption b{display:block;color:var(--pki-text);font-size:15px;line-height:1.35;font-weight:650}
.pki .pki-picture svg{display:block}
.pki .pki-fallback{display:none}
.pki .pki-vh{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.pki details{margin:8px 0}
.pki summary{cursor:pointer;color:var(--pki-link);font-size:13px;width:max-content;max-width:100%}
.pki details[open]>summary{margin-bottom:8px}
.pki .pki-notice{background:var(--pki-card);border:1px solid var(--pki-line);border-radius:10px;margin:12px 0;padding:11px 18px}
.pki .pki-notice p{margin:2px 0 0}
.pki .pki-notice.pki-unseen{border-style:dashed;border-color:var(--pki-text3);background:repeating-linear-gradient(135deg,var(--pki-card) 0 6px,var(--pki-grid) 6px 7px)}
.pki .pki-statement{display:grid;grid-template-columns:86px minmax(0,1fr);gap:3px 12px;margin:0;font-size:13px}
.pki .pki-statement dt{color:var(--pki-text3)}
.pki .pki-statement dd{margin:0;overflow-wrap:anywhere}
.pki .pki-notes{padding-left:20px;color:var(--pki-text2)}
@media screen and (max-width:1020px){
.pki .pki-kpis{grid-template-columns:repeat(2,minmax(0,1fr))}
.pki .pki-kpis>div:nth-child(odd){border-left:0}
.pki .pki-facts{grid-template-columns:minmax(0,1fr)}
.pki .pki-picture>svg{min-width:760px}
}
@media print{
.pki .pki-card,.pki .pki-kpis,.pki .pki-notice{break-inside:avoid}
.pki .pki-tablecard{break-inside:auto}
.pki tr{break-inside:avoid}
.pki h1,.pki h2,.pki h3,.pki figcaption{break-after:avoid}
.pki table{font-size:7.8pt}
.pki .pki-scroll,.pki .pki-picture,.pki pre{overflow:visible}
.pki pre{white-space:pre-wrap}
.pki th,.pki td{print-color-adjust:exact;-webkit-print-color-adjust:exact}
.pki .pki-picture{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
`;

export const pageCss = `${pageThemeCss()}
*{box-sizing:border-box}
body{margin:0;background:var(--pki-page);-webkit-font-smoothing:antialiased}
.skip{position:absolute;left:-999px}
.skip:focus{left:12px;top:8px;z-index:9;background:var(--pki-card);padding:6px 10px}
.top{display:flex;align-items:center;gap:14px;min-height:45px;padding:7px 24px;background:var(--pki-card);border-bottom:1px solid var(--pki-line);font-size:13px;color:var(--pki-text2)}
.top b{color:var(--pki-text);font-size:14.5px}
.top .space{flex:1}
.top span{overflow-wrap:anywhere}
.pki button{font:inherit;color:inherit}
.top button{font-size:12.5px;min-height:24px;color:var(--pki-text);background:var(--pki-page);border:1px solid var(--pki-line);border-radius:6px;padding:2px 10px;cursor:pointer}
.frame{display:grid;grid-template-columns:176px minmax(0,1012px);gap:34px;justify-content:center;padding:26px 24px 60px}
.frame nav{position:sticky;top:18px;align-self:start;max-height:calc(100vh - 36px);overflow-y:auto;font-size:13px;line-height:1.35}
.frame nav ol{list-style:none;margin:0;padding:0;border-left:1px solid var(--pki-line)}
.frame nav a{display:block;padding:4px 0 4px 12px;color:var(--pki-text2);text-decoration:none;overflow-wrap:anywhere}
.frame nav a:hover{color:var(--pki-text);text-decoration:underline}
.frame nav .sub a{padding-left:24px;font-size:12.5px}
main{min-width:0}
main>section:first-child h2:first-child{margin-top:0}
thead th button{background:none;border:0;padding:0;margin:0;min-height:20px;font-weight:inherit;text-align:inherit;cursor:pointer}
thead th button:hover{color:var(--pki-text);text-decoration:underline}
.cell{margin:0 0 14px}
.pki .cell>*+:is(pre,.result,.svg,img){margin-top:10px}
.cell .pki-output>p:first-of-type{font-size:13px;color:var(--pki-text2)}
.cell .pki-output>p:first-of-type strong{font-size:15px;color:var(--pki-text)}
.cell .stderr{color:var(--pki-text2);border-style:dashed}
.cell .error{border-color:var(--pki-critical);white-space:pre-wrap}
.cell>.svg,.cell>.result{background:var(--pki-card);border:1px solid var(--pki-line);border-radius:10px;padding:12px 18px;overflow-x:auto}
.cell>.result:has(.pki-report){background:none;border:0;padding:0;overflow:visible}
.cell>.svg svg{display:block}
.cell>img{max-width:100%;height:auto}
@media screen and (max-width:1020px){.frame{grid-template-columns:minmax(0,1fr);padding:18px 14px 40px}.frame nav{display:none}.top{padding:7px 14px}}
@media screen and (prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}
@media print{.top,.frame nav,.skip{display:none}.frame{display:block;padding:0}body{background:#fff}.pki h2{margin-top:24px}}
`;
