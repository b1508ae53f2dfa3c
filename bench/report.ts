/** The results as a table and as a chart. */
import type { Summary } from './statistics.js';

export interface Results {
  machine: { [name: string]: string };
  versions: { [runtime: string]: string };
  rounds: number;
  /** by bundle, step, runtime */
  summaries: { [bundle: string]: { [step: string]: { [runtime: string]: Summary } } };
}

const milliseconds = (microseconds: number): string => (microseconds / 1000).toFixed(2);

export type Statistic = 'median' | 'lowest' | 'quartile';

function cells(
  of: { [runtime: string]: Summary },
  runtimes: readonly string[],
  statistic: Statistic,
): string[] {
  const base = of.crun?.[statistic];
  return runtimes.map(name => {
    const one = of[name];
    if (one === undefined) return '';
    const ratio = base === undefined || name === 'crun' ? '' : ` (${(one[statistic] / base).toFixed(2)})`;
    return milliseconds(one[statistic]) + ratio;
  });
}

const row = (fields: readonly string[]): string => `| ${fields.join(' | ')} |`;

function table(title: string, runtimes: readonly string[], rows: string[][]): string {
  return [row([title, ...runtimes]), row([title, ...runtimes].map(() => '---')), ...rows.map(row)].join('\n');
}

const WORDS = { median: 'Medians', lowest: 'The lowest', quartile: 'Lower quartiles' } as const;

/** Markdown: milliseconds with the ratio to crun in brackets, then peak memory. */
export function tables(results: Results, statistic: Statistic = 'median'): string {
  const runtimes = Object.keys(results.versions);
  const times: string[][] = [];
  const peaks: string[][] = [];
  for (const [bundle, steps] of Object.entries(results.summaries))
    for (const [step, of] of Object.entries(steps)) {
      times.push([`${bundle}: ${step}`, ...cells(of, runtimes, statistic)]);
      peaks.push([`${bundle}: ${step}`, ...runtimes.map(name => (of[name] ? String(of[name].peak) : ''))]);
    }
  const facts = Object.entries({ ...results.machine, ...results.versions }).map(
    ([name, value]) => `- ${name}: ${value}`,
  );
  return [
    `${WORDS[statistic]} of ${results.rounds} rounds in milliseconds; in brackets the ratio to crun.`,
    table('time, ms', runtimes, times),
    'The largest resident set of any one process of the command.',
    table('peak, kB', runtimes, peaks),
    facts.join('\n'),
    '',
  ].join('\n\n');
}

const TITLE = 'Default bundle, milliseconds (less is better)';
const CHART_STEPS = ['run', 'create', 'start', 'state', 'exec', 'kill', 'delete'];
const COLOURS: { readonly [runtime: string]: string } = {
  runts: '#1a7f5a',
  crun: '#7a869a',
  runc: '#b7c0cd',
  floor: '#d9a441',
};

function bar(name: string, value: number, top: number, scale: number): string {
  const width = (value * scale).toFixed(1);
  const text = `${name} ${milliseconds(value)}`;
  return [
    `<rect x="90" y="${top}" width="${width}" height="13" fill="${COLOURS[name]}"/>`,
    `<text x="${(96 + Number(width)).toFixed(1)}" y="${top + 10}" font-size="11" fill="#444">${text}</text>`,
  ].join('');
}

/** Bars for the default bundle, in milliseconds; Node.js is not in it, its bars would be five times as long. */
export function chart(results: Results): string {
  const steps = results.summaries.default ?? {};
  const names = Object.keys(results.versions).filter(name => name in COLOURS);
  const values = CHART_STEPS.flatMap(step => names.map(name => steps[step]?.[name]?.median ?? 0));
  const scale = 430 / Math.max(...values, 1);
  const body: string[] = [];
  let top = 34;
  for (const step of CHART_STEPS) {
    const shown = names.filter(name => steps[step]?.[name]);
    if (shown.length === 0) continue;
    body.push(
      `<text x="82" y="${top + 8 + shown.length * 8}" font-size="13" text-anchor="end" fill="#222">${step}</text>`,
    );
    for (const name of shown) {
      body.push(bar(name, steps[step]![name]!.median, top, scale));
      top += 16;
    }
    top += 12;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="${top + 4}" font-family="sans-serif">`,
    `<title>${TITLE}</title>`,
    `<rect width="640" height="${top + 4}" fill="#fff"/>`,
    `<text x="12" y="20" font-size="14" fill="#222">${TITLE}</text>`,
    ...body,
    '</svg>',
    '',
  ].join('\n');
}
