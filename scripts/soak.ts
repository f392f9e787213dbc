/**
 * A server with everything on under a crowd that comes and goes, for as long as it is told:
 *   node scripts/soak.ts --minutes 30 [--clients 16] [--seed 1]
 * A line each half a minute of what the process holds, then what came of the requests and the verdict. Exit code 0 all is well, 1 it is not.
 * Linux only: it looks into /proc.
 */
import { Effect } from 'effect'
import type { Sample } from '../test/soak/gauges.ts'
import { soak } from '../test/soak/soak.ts'
import { slopeOf } from '../test/soak/verdict.ts'
import { readOptions, wrongUse } from './options.ts'

const HELP = `Usage: npm run soak -- [options]

  --minutes N  under load (default 30); from 8 on the growth of the heap is judged
  --before N   requests that the log has had before, which fill what is kept of them (default 10000)
  --clients N  who ask one request after the other, two or three a second each (default 16)
  --seed N     the same choices again (default: others each time)`

const values = readOptions(HELP, {
  minutes: { type: 'string', default: '30' },
  before: { type: 'string', default: '10000' },
  clients: { type: 'string', default: '16' },
  seed: { type: 'string', default: String(Date.now() % 1_000_000) },
})
const [minutes, before, clients, seed] = [values.minutes, values.before, values.clients, values.seed].map(Number)
if (minutes === undefined || !(minutes > 0)) wrongUse('--minutes is a number above 0', HELP)
if (![before, clients, seed].every(Number.isSafeInteger)) {
  wrongUse('--before, --clients and --seed are whole numbers', HELP)
}

const MB = 1_000_000
const columns: readonly (readonly [title: string, of: (sample: Sample) => string])[] = [
  ['minute', ({ at }) => (at / 60_000).toFixed(1)],
  ['resident MB', ({ resident }) => (resident / MB).toFixed(0)],
  ['objects MB', ({ objects }) => (objects / MB).toFixed(2)],
  ['code MB', ({ code }) => (code / MB).toFixed(2)],
  ['external MB', ({ external }) => (external / MB).toFixed(1)],
  ['descriptors', ({ descriptors }) => String(descriptors)],
  ['sockets', ({ sockets }) => String(sockets)],
  ['handles', ({ handles }) => String(handles)],
  ['WAL MB', ({ wal }) => (wal / MB).toFixed(1)],
  ['loop p99 ms', ({ loopMs }) => loopMs.toFixed(1)],
  ['under way', ({ underWay }) => String(underWay)],
  ['events', ({ events }) => String(events)],
]
const line = (cells: readonly string[]): string =>
  cells.map((cell, index) => cell.padStart(columns[index]?.[0].length ?? 0)).join('  ')
const row = (sample: Sample): string => line(columns.map(([, of]) => of(sample)))

console.log(line(columns.map(([title]) => title)))
const report = await Effect.runPromise(
  soak({
    seed: seed ?? 0,
    before: before ?? 0,
    clients: clients ?? 0,
    loadMs: (minutes ?? 0) * 60_000,
    sampleEveryMs: Math.min(30_000, ((minutes ?? 0) * 60_000) / 4),
    onSample: (sample) => console.log(row(sample)),
  }),
)
console.log(`\nbefore and after the load:\n${row(report.base)}\n${row(report.end)}`)
console.log(
  `\n${[...report.outcomes]
    .toSorted(([, a], [, b]) => b - a)
    .map(([outcome, times]) => `${times} × ${outcome}`)
    .join(', ')}`,
)
const growth = (['objects', 'code', 'resident'] as const).flatMap((name) => {
  const slope = slopeOf(report.samples, (sample) => sample[name])
  return slope === undefined ? [] : [`${name} ${(slope / MB).toFixed(2)} MB`]
})
console.log(
  growth.length === 0
    ? '\ntoo short to tell what grows'
    : `\ngrowth in ten minutes: ${growth.join(', ')}; seed ${seed}`,
)
for (const problem of report.problems) console.error(`  ${problem}`)
console.log(report.problems.length === 0 ? 'All is well.' : `${report.problems.length} problems, above.`)
process.exit(report.problems.length === 0 ? 0 : 1)
