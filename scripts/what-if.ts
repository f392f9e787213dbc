/**
 * Holds `replay --what-if` and `tune` against virtual worlds, which know the truth.
 *   npm run what-if -- --worlds 100                # coverage of the 95 % intervals, with and without exploration
 *   npm run what-if -- --tune --worlds 100         # gain found on logs with bad weights, false recommendations
 *   npm run what-if -- --worlds 1 --from 17        # one world again
 * Progress goes to standard error, the tables to standard output.
 */

import type { WorldJob } from '#test/what-if-worlds/judge-world.ts'
import { readOptions, wrongUse } from './options.ts'
import { playAll } from './routing/play-all.ts'
import type { CoverageDone } from './what-if/coverage-worker.ts'
import { coverageTable, tuneLines } from './what-if/report.ts'
import type { TuneDone, TuneJob } from './what-if/tune-worker.ts'

const HELP = `Usage: npm run what-if -- [options]

  --worlds N  how many (default 100)
  --from N    the first seed (default 1)
  --hours N   of each log (default 1.5; with --tune 8)
  --tune      judge tune instead of the intervals`

const values = readOptions(HELP, {
  worlds: { type: 'string', default: '100' },
  from: { type: 'string', default: '1' },
  hours: { type: 'string' },
  tune: { type: 'boolean', default: false },
  only: { type: 'string' },
})
const [worlds, from] = [Number(values.worlds), Number(values.from)]
const hours = Number(values.hours ?? (values.tune ? 8 : 1.5))
if (!Number.isSafeInteger(worlds) || worlds < 1 || !Number.isSafeInteger(from) || !(hours > 0))
  wrongUse('--worlds and --from are whole numbers, --hours is above 0', HELP)
if (values.only !== undefined && !['bad', 'equal'].includes(values.only)) wrongUse('--only is bad or equal', HELP)

const seeds = Array.from({ length: worlds }, (_, n) => from + n)
const startedAt = performance.now()
const shown = (what: string) => (_: unknown, count: number) => {
  if (process.stderr.isTTY) process.stderr.write(`\r${what}: ${count}/${worlds} worlds${count === worlds ? '\n' : ''}`)
}

const judgeIntervals = async (explorationShare: number): Promise<void> => {
  const label = explorationShare === 0 ? 'without exploration' : `with exploration ${explorationShare}`
  const jobs = seeds.map((seed): WorldJob => ({ seed, hours, explorationShare }))
  const worker = new URL('./what-if/coverage-worker.ts', import.meta.url)
  const done = await playAll<WorldJob, CoverageDone>(worker, jobs, shown(label))
  console.log(`\n${worlds} logs of ${hours} hours, ${label}\n\n${coverageTable(done.flatMap(({ judged }) => judged))}`)
}

const judgeTune = async (kind: TuneJob['kind']): Promise<void> => {
  const jobs = seeds.map((seed): TuneJob => ({ seed, hours, kind }))
  const worker = new URL('./what-if/tune-worker.ts', import.meta.url)
  const done = await playAll<TuneJob, TuneDone>(worker, jobs, shown(kind))
  console.log(
    tuneLines(
      kind,
      done.map(({ tuned }) => tuned),
    ),
  )
}

if (values.tune) {
  if (values.only !== 'equal') await judgeTune('bad')
  if (values.only !== 'bad') await judgeTune('equal')
} else {
  await judgeIntervals(0.05)
  await judgeIntervals(0)
}
console.error(`seeds from ${from}, ${((performance.now() - startedAt) / 1_000).toFixed(0)} s`)
